"""What lies inside a folder, links followed."""

from sanreid.data.links import Inside, shown


def test_links_are_followed_file_and_folder(tmp_path):
    for name in ("raw/a/x.png", "rawer/x.png", "cache/files/md5/ab/" + "c" * 30):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x")
    raw = tmp_path / "raw"
    for name, to in {
        "in.png": "raw/a/x.png",
        "out.png": "rawer/x.png",
        "lost.png": "raw/none.png",
        "lost_out.png": "none.png",
        "b": "rawer",
        "c": "raw/a",
        "cached.png": "cache/files/md5/ab/" + "c" * 30,
    }.items():
        (raw / name).symlink_to(tmp_path / to)
    (tmp_path / "link").symlink_to(raw)
    for root in (raw, tmp_path / "link"):
        inside = Inside([root])
        for name in ("a/x.png", "in.png", "lost.png", "c/x.png", "cached.png"):
            assert inside(root / name), name
        for name in ("out.png", "lost_out.png", "b/x.png"):
            assert not inside(root / name), name
        assert inside.why(root / "out.png").endswith(f"out.png: a link out of {root}; put the file itself there")
    assert Inside([raw, tmp_path / "rawer"])(raw / "out.png")
    assert Inside([])(raw / "out.png")


def test_hidden_is_any_part_below_the_folder(tmp_path):
    folder = tmp_path / ".cache"
    assert shown(folder / "a/b.png", folder)
    assert not shown(folder / "a/._b.png", folder)
    assert not shown(folder / ".a/b.png", folder)
