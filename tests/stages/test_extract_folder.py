"""Stage extract_folder: a user's pictures and table become a set like any other."""

import json

import pytest

from sanreid.data import images, index
from sanreid.params import ParamsError, validate
from stages import extract_folder
from tests.data import broken_pictures as made
from tests.stages import toy_san as toy


def params(broken="error"):
    return validate({"broken_pictures": broken}, extract_folder.Params, "p")


@pytest.fixture
def folder(tmp_path):
    """A folder as a user keeps it: pictures in folders of their own, a CSV without cameras, a remark."""
    made = toy.write_people(tmp_path / "mine", train=3, test=2)
    table = index.read(made).drop(columns="camid").assign(remark="sunny")
    (made / index.NAME).unlink()
    table.to_csv(made / "index.csv", index=False)
    return made


def test_pictures_table_and_summary(folder, tmp_path):
    out = tmp_path / "interim/mine"
    extract_folder.main(folder, out, params())
    table = index.read(out)
    assert set(table["remark"]) == {"sunny"}
    assert table["camid"].isna().all()
    for path in table["path"]:
        assert (out / path).read_bytes() == (folder / path).read_bytes()
    assert json.loads((out / "summary.json").read_text()) == {
        "people": 5,
        "images": 20,
        "cameras": 0,
        "splits": {
            "train": {"people": 3, "images": 12},
            "query": {"people": 2, "images": 2},
            "gallery": {"people": 2, "images": 6},
        },
        "distractors": 0,
    }
    assert sorted(p.name for p in out.iterdir()) == ["images", "index.parquet", "summary.json", "truth"]


def test_an_interim_folder_is_such_a_folder_too(folder, tmp_path):
    extract_folder.main(folder, tmp_path / "a", params())
    extract_folder.main(tmp_path / "a", tmp_path / "b", params())
    for path in (p for p in (tmp_path / "a").rglob("*") if p.is_file()):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_an_error_leaves_nothing_behind(folder, tmp_path):
    (folder / "images/query/100_0.png").write_bytes(b"")
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(ValueError, match=r"index\.csv: line \d+: .*not a readable picture"):
        extract_folder.main(folder, tmp_path / "out", params())
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def lines(folder):
    """The line of each picture in index.csv."""
    rows = (folder / "index.csv").read_text().splitlines()
    return {row.split(",")[0]: number for number, row in enumerate(rows, 1)}


@pytest.mark.parametrize("name", made.everything())
def test_each_broken_picture_is_refused_by_its_line_or_left_out(folder, tmp_path, name, caplog):
    path = "images/train/100_0.png"
    (folder / path).write_bytes(made.everything()[name])
    with pytest.raises(
        ValueError, match=rf"index\.csv: line {lines(folder)[path]}: .*100_0\.png: .*, or remove the line"
    ):
        extract_folder.main(folder, tmp_path / "out", params())
    assert not (tmp_path / "out").exists()
    extract_folder.main(folder, tmp_path / "out", params("leave_out"))
    table = index.read(tmp_path / "out")
    assert len(table) == 19
    assert path not in set(table["path"])
    assert not (tmp_path / "out" / path).exists()
    assert json.loads((tmp_path / "out/summary.json").read_text())["left_out"] == 1
    assert "1 broken pictures left out, 1 rows with them: images/train/100_0.png: " in caplog.text


def test_left_out_pictures_are_counted_even_if_none_and_the_rest_must_be_a_valid_set(folder, tmp_path):
    extract_folder.main(folder, tmp_path / "out", params("leave_out"))
    assert json.loads((tmp_path / "out/summary.json").read_text())["left_out"] == 0
    for path in (folder / "images/gallery").glob("100_*.png"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"without the 3 broken pictures \(images/gallery/100_.* not in the gallery"):
        extract_folder.main(folder, tmp_path / "other", params("leave_out"))


def test_a_link_out_of_the_folder_is_refused_and_one_inside_it_taken(folder, tmp_path):
    path = folder / "images/train/100_0.png"
    elsewhere = tmp_path / "elsewhere.png"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    for broken in ("error", "leave_out"):
        with pytest.raises(ValueError, match=r"index\.csv: line \d+: .*100_0\.png: a link out of .*mine; put the file"):
            extract_folder.main(folder, tmp_path / "out", params(broken))
    path.unlink()
    elsewhere.rename(folder / "kept.png")
    path.symlink_to(folder / "kept.png")
    (tmp_path / "link").symlink_to(folder)
    extract_folder.main(tmp_path / "link", tmp_path / "out", params())
    assert not (tmp_path / "out/images/train/100_0.png").is_symlink()


def test_what_dvc_links_from_its_cache_is_taken(folder, tmp_path):
    path = folder / "images/train/100_0.png"
    cached = tmp_path / "cache/files/md5/0a" / ("0" * 30)
    cached.parent.mkdir(parents=True)
    path.rename(cached)
    path.symlink_to(cached)
    extract_folder.main(folder, tmp_path / "out", params())
    assert images.read_rgb(tmp_path / "out/images/train/100_0.png").size


def test_a_wrong_choice_is_named():
    with pytest.raises(ParamsError, match=r"p\.broken_pictures: .*'error' or 'leave_out'"):
        params("skip")
