"""The PIT reader against a hand-built release."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sanreid.data import pit


def colour(k):
    return (240, k, 17)


def build(folder, people=3, images_each=10, label=True, size=8):
    for name in ("images", "GT_texture", "image-texture-label"):
        (folder / name).mkdir(parents=True)
    lines = []
    for k in range(people * images_each):
        Image.new("RGB", (4, 8), colour(k)).save(folder / f"images/{k:05d}.png")
        lines.append(f"{k:05d}.png {k // images_each:05d}.png")
    for t in range(people):
        Image.new("RGB", (size, size), (1, 2, t)).save(folder / f"GT_texture/{t:05d}.png")
    if label:
        write_label(folder, lines)
    return folder


def write_label(folder, lines):
    (folder / "image-texture-label" / "label.txt").write_text("\n".join(lines) + "\n")


def lines_of(folder):
    return (folder / "image-texture-label" / "label.txt").read_text().splitlines()


@pytest.fixture
def raw(tmp_path):
    return build(tmp_path / "pit")


def check(table):
    assert list(table["path"]) == [f"images/{k:05d}.png" for k in range(30)]
    assert list(table["texture"]) == [f"textures/{k // 10:05d}.png" for k in range(30)]
    assert list(table["pid"]) == [k // 10 for k in range(30)]
    assert table["camid"].isna().all()


def test_pairs_and_pictures(raw):
    table, pictures = pit.read(raw)
    check(table)
    assert set(table["split"]) == {"train"}
    for k, (path, image) in enumerate(pictures):
        assert path == table["path"][k]
        assert image.shape == (8, 4, 3)
        assert image[0, 0].tolist() == list(colour(k))


def test_the_rule_of_ten_applies_without_a_label_text(tmp_path):
    check(pit.read(build(tmp_path / "a", label=False))[0])
    folder = build(tmp_path / "b", label=False)
    (folder / "image-texture-label").rmdir()
    check(pit.read(folder)[0])


@pytest.mark.parametrize("separator", [" ", "\t", ",", ", ", " , ", "   "])
def test_white_space_or_a_comma_separates(raw, separator):
    write_label(raw, [line.replace(" ", separator) for line in lines_of(raw)])
    check(pit.read(raw)[0])


def test_folders_and_suffixes_in_the_text_do_not_matter(raw):
    write_label(raw, [f"images/{k:05d} GT_texture/{k // 10:05d}.jpg" for k in range(30)] + ["", "  "])
    check(pit.read(raw)[0])


def test_the_line_pattern_is_a_parameter(raw):
    lines = [f"{k // 10:05d} <- {k:05d}" for k in range(30)]
    write_label(raw, lines)
    check(pit.read(raw, r"(?P<texture>\d+) <- (?P<image>\d+)")[0])
    with pytest.raises(
        ValueError, match=r"label\.txt:1: '00000 <- 00000' does not match label_pattern .*adapt the key"
    ):
        pit.read(raw, r"(?P<image>\d+) (?P<texture>\d+)")


@pytest.mark.parametrize("pattern", [r"(?P<image>\S+) (\S+)", r"(?P<image>\S+"])
def test_a_pattern_that_cannot_be_used_is_named(raw, pattern):
    with pytest.raises(ValueError, match="label_pattern"):
        pit.read(raw, pattern)


def test_the_first_line_that_disagrees_with_the_rule_is_named(raw):
    lines = lines_of(raw)
    lines[12], lines[25] = "00012.png 00002.png", "00025.png 00000.png"
    write_label(raw, lines)
    with pytest.raises(ValueError, match=r"label\.txt:13: image '00012' has texture '00002', by the rule .* '00001'"):
        pit.read(raw)


def test_the_text_alone_counts_where_the_rule_is_off(raw):
    lines = lines_of(raw)
    lines[12] = "00012.png 00002.png"
    write_label(raw, lines)
    table, _ = pit.read(raw, images_per_texture=0)
    assert table["texture"][12] == "textures/00002.png"
    assert table["pid"][12] == 2


def test_textures_whose_names_are_no_numbers_count_by_their_order(raw):
    for t, name in enumerate(("female_0007", "male_0001", "male_0300")):
        (raw / f"GT_texture/{t:05d}.png").rename(raw / f"GT_texture/{name}.png")
    names = ("female_0007", "male_0001", "male_0300")
    write_label(raw, [f"{k:05d} {names[k // 10]}" for k in range(30)])
    table, _ = pit.read(raw)
    assert list(table["pid"]) == [k // 10 for k in range(30)]
    assert table["texture"][29] == "textures/male_0300.png"


def test_a_lost_image_does_not_shift_the_rule(tmp_path):
    folder = build(tmp_path / "pit", label=False)
    (folder / "images/00004.png").unlink()
    table, _ = pit.read(folder)
    assert table.loc[table["path"] == "images/00009.png", "pid"].item() == 0


@pytest.mark.parametrize(
    ("row", "line", "words"),
    [
        (3, "00099.png 00000.png", r"label\.txt:4: image '00099' is not in images/"),
        (3, "00003.png 00007.png", r"label\.txt:4: texture '00007' is not in GT_texture/"),
        (3, "00002.png 00000.png", r"label\.txt:4: image '00002' is listed twice"),
        (3, "00003.png", r"label\.txt:4: '00003\.png' does not match"),
        (3, "", r"00003\.png: has no texture \(1 such"),
    ],
)
def test_each_wrong_line_is_named(raw, row, line, words):
    lines = lines_of(raw)
    lines[row] = line
    write_label(raw, lines)
    with pytest.raises(ValueError, match=words):
        pit.read(raw)


@pytest.mark.parametrize("label", [True, False])
def test_a_texture_without_images_is_named(tmp_path, label):
    folder = build(tmp_path / "pit", label=label)
    Image.new("RGB", (8, 8)).save(folder / "GT_texture/00003.png")
    with pytest.raises(ValueError, match=r"00003\.png: a texture without images"):
        pit.read(folder)


def test_an_image_beyond_the_textures_is_named(tmp_path):
    folder = build(tmp_path / "pit", label=False)
    Image.new("RGB", (4, 8)).save(folder / "images/00030.png")
    with pytest.raises(ValueError, match=r"00030\.png: belongs to texture 3, which"):
        pit.read(folder)


def test_any_square_size_is_kept_and_another_shape_refused(tmp_path):
    check(pit.read(build(tmp_path / "big", size=64))[0])
    folder = build(tmp_path / "wide")
    Image.new("RGB", (8, 9)).save(folder / "GT_texture/00001.png")
    with pytest.raises(ValueError, match=r"00001\.png: 9 x 8 pixels; a texture is square"):
        pit.read(folder)


def test_the_last_people_are_for_validation(raw):
    table, _ = pit.read(raw, validation_people=1)
    assert list(table["split"]) == ["train"] * 20 + ["validation"] * 10
    for people in (3, -1):
        with pytest.raises(ValueError, match=f"validation_people: {people} of 3"):
            pit.read(raw, validation_people=people)


def test_what_a_rendered_set_adds_goes_by_texture_and_by_image(raw):
    for name in ("frontal/00001", "visibility/00004", "visibility/00015"):
        (raw / name).parent.mkdir(exist_ok=True)
        Image.new("L", (4, 4)).save(raw / f"{name}.png")
    Image.new("L", (4, 4)).save(raw / "coverage.png")
    np.save(raw / "uv_mirror.npy", np.zeros((4, 4, 2), np.int16))
    table, _ = pit.read(raw)
    assert [k for k in range(30) if not pd.isna(table["frontal"][k])] == list(range(10, 20))
    assert set(table["frontal"].dropna()) == {"frontal/00001.png"}
    assert table["visibility"].dropna().to_dict() == {4: "visibility/00004.png", 15: "visibility/00015.png"}
    names = [name for name, _ in pit.files(raw, pit.PATTERN, 10)]
    assert len(names) == len(set(names)) == 30 + 3 + 1 + 2 + 2
    assert {"coverage.png", "uv_mirror.npy", "frontal/00001.png"} <= set(names)


def test_names_that_are_no_numbers_need_the_text(raw):
    (raw / "images/00003.png").rename(raw / "images/frame3.png")
    with pytest.raises(ValueError, match=r"frame3\.png: the name is no number"):
        pit.read(raw)
    (raw / "image-texture-label/label.txt").unlink()
    with pytest.raises(ValueError, match="nothing pairs the images"):
        pit.read(raw, images_per_texture=0)


def test_doubled_names_and_absent_folders_are_named(raw, tmp_path):
    Image.new("RGB", (4, 8)).save(raw / "images/00003.jpg")
    with pytest.raises(ValueError, match=r"00003\.png: 00003\.jpg has the same name"):
        pit.read(raw)
    with pytest.raises(FileNotFoundError, match="images: no such folder"):
        pit.read(tmp_path / "none")
    (tmp_path / "empty/images").mkdir(parents=True)
    with pytest.raises(ValueError, match="images: holds no pictures"):
        pit.read(tmp_path / "empty")


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_label_text_in_another_encoding_is_named(raw, encoding):
    path = raw / "image-texture-label/label.txt"
    path.write_bytes(path.read_text().replace("00003.png", "\xe9.png", 1).encode(encoding))
    with pytest.raises(ValueError, match=r"label\.txt: .*UTF-(16|8).*; save it as UTF-8"):
        pit.read(raw)


def test_hidden_files_are_no_label_text_and_a_huge_line_is_shown_shortened(raw):
    (raw / "image-texture-label/._label.txt").write_bytes(b"\x00\x05\x16\x07 resource fork")
    check(pit.read(raw)[0])
    write_label(raw, ["x" * 10_000_000])
    with pytest.raises(ValueError, match="does not match label_pattern") as error:
        pit.read(raw)
    assert len(str(error.value)) < 700


@pytest.mark.parametrize("kind", ["file", "dangling", "csv"])
def test_a_label_text_that_is_there_and_not_read_is_no_absent_one(raw, kind, caplog):
    """Else the rule would pair in silence what the text may pair otherwise."""
    folder = raw / "image-texture-label"
    content = (folder / "label.txt").read_bytes()
    (folder / "label.txt").unlink()
    pit.read(raw)
    assert "no label text in image-texture-label/" in caplog.text
    folder.rmdir()
    if kind == "file":
        folder.write_bytes(content)
    elif kind == "dangling":
        folder.symlink_to("nowhere")
    else:
        folder.mkdir()
        (folder / "label.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"image-texture-label: (no folder with the label text|holds 'label\.csv')"):
        pit.read(raw)
