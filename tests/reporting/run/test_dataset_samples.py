"""Pictures come from the files they claim to come from, in true colours, and what is missing is said."""

import base64
import io
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sanreid.data import index
from sanreid.reporting.run import dataset_samples, grid_rows
from sanreid.reporting.run.dataset_samples import Look
from sanreid.reporting.shared import pictures
from tests.reporting.run import fake_run

LOOK = Look(people=2, height=32, quality=95, seed=0)


def decode(picture: pictures.Picture) -> np.ndarray:
    kind, data = picture.uri.split(";base64,")
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert kind == f"data:image/{image.format.lower()}"
    assert image.size == (picture.width, picture.height)
    return np.asarray(image).astype(int)


@pytest.fixture
def run(tmp_path):
    return fake_run.build(tmp_path)


def near(image: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return np.abs(image.reshape(-1, 3).mean(0) - colour).max() < 4


def test_embedding_keeps_colours_and_only_shrinks():
    red = Image.new("RGB", (20, 40), (200, 30, 10))
    small = pictures.embed(red, "a", height=20)
    assert (small.width, small.height, small.caption) == (10, 20, "a")
    assert near(decode(small), (200, 30, 10))
    assert pictures.embed(red, height=100).height == 40
    grey = decode(pictures.embed(Image.new("L", (28, 28), 77)))
    assert (grey == 77).all()


def test_dimmed_keeps_what_is_visible():
    texture = Image.new("RGB", (8, 8), (250, 0, 0))
    mask = Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 2, axis=0))
    result = np.asarray(pictures.dimmed(texture, mask)).astype(int)
    assert (result[:, 4:] == (250, 0, 0)).all()
    assert (abs(result[:, :4] - 128) < 30).all()


def test_drawing_is_seeded_and_keeps_the_order():
    items = list(range(50))
    first = pictures.draw(items, 5, 0, "a")
    assert first == sorted(first) == pictures.draw(items, 5, 0, "a")
    assert len(set(first)) == 5
    assert first != pictures.draw(items, 5, 1, "a")
    assert pictures.draw([3, 1], 5, 0, "a") == [3, 1]


def test_across_cameras_takes_cameras_in_turn():
    rows = pd.DataFrame(
        {"camid": pd.array([1, 1, 1, 2, 3], dtype="Int64"), "path": list("abcde")}, index=[9, 8, 7, 6, 5]
    )
    assert set(pictures.across_cameras(rows, 3)["path"]) == {"a", "d", "e"}
    assert set(pictures.across_cameras(rows, 4)["path"]) == {"a", "b", "d", "e"}


def test_unreadable_pictures_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.png"):
        pictures.load(tmp_path / "nothing.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"bad\.png: not a readable picture"):
        pictures.load(tmp_path / "bad.png")


def test_pit_shows_texture_frontal_and_images_with_what_they_show(run):
    sheet = dataset_samples.pit(run / "data/interim/pit", LOOK)
    assert len(sheet.rows) == 2
    row = sheet.rows[0]
    person = int(row.title.split()[1])
    assert [p.caption for p in row.pictures[:2]] == ["texture", "frontal"]
    assert near(decode(row.pictures[0]), (person * 53 % 256, 0, 120))
    assert row.pictures[2].caption == f"{4 * person:05d}.jpg"
    assert row.pictures[2].width == 16 + 32  # the image and, beside it, its part of the texture
    assert not sheet.notes


def test_pit_as_published_has_neither_frontal_nor_visibility(run):
    folder = run / "data/interim/pit"
    index.write(index.read(folder).drop(columns=["frontal", "visibility"]), folder)
    sheet = dataset_samples.pit(folder, LOOK)
    assert len(sheet.notes) == 2
    assert all("not available" in note for note in sheet.notes)
    assert [p.width for p in sheet.rows[0].pictures[1:]] == [16] * 4


def test_the_re_id_sets_of_a_tree_are_those_with_queries(run):
    found = dataset_samples.sets(run / "data/interim")  # neither pit nor mnist nor the attributes
    assert [f.name for f in found] == ["cuhk03_detected", "cuhk03_labeled", "market1501"]


def test_of_numbered_splits_the_first_is_shown_and_other_names_stand_alone(tmp_path):
    names = ["a_1", "a_10", "a_2", "b_detected", "b_labeled", "campus_2023", "campus_2024", "mine_east", "mine_west"]
    found = [[f.name for f in group] for group in dataset_samples.groups([tmp_path / n for n in names])]
    assert found == [["a_1"], ["b_labeled", "b_detected"], *([n] for n in names[5:])]


def test_boxes_of_the_same_scenes_stand_side_by_side(run):
    interim = run / "data/interim"
    names = ["cuhk03_labeled", "market1501", "cuhk03_detected"]
    found = dataset_samples.groups([interim / n for n in names])
    assert [[f.name for f in group] for group in found] == [["cuhk03_labeled", "cuhk03_detected"], ["market1501"]]
    sheet = dataset_samples.people(found[0], None, LOOK)
    titles = [row.title for row in sheet.rows]
    assert titles[0].endswith(", labeled")
    assert titles[1] == titles[0].replace("labeled", "detected")
    left, right = ([p.caption for p in row.pictures] for row in sheet.rows[:2])
    assert left == right
    assert "24 images of 6 people (12 train, 6 query, 6 gallery)" in sheet.text


def test_a_picture_that_a_detector_missed_leaves_a_gap(run):
    folder = run / "data/interim/cuhk03_detected"
    table = index.read(folder)
    index.write(table[~table["path"].str.endswith("_1_01.png")].reset_index(drop=True), folder)
    sheet = dataset_samples.people([folder.parent / "cuhk03_labeled", folder], None, LOOK)
    assert len(sheet.rows[0].pictures) == len(sheet.rows[1].pictures) + 1


def test_attributes_are_told_in_words(run):
    interim = run / "data/interim"
    everybody = Look(people=6, height=32, quality=95, seed=0)
    sheet = dataset_samples.people([interim / "market1501"], interim / "market1501_attributes", everybody)
    assert len(sheet.rows) == 3  # the labelled ones
    by_person = {row.title: row.text for row in sheet.rows}
    assert by_person["person 1"] == (
        "teenager female, long hair, black top, short sleeves, short black pants, hat, backpack, bag, handbag"
    )
    assert (
        dataset_samples.people([interim / "cuhk03_labeled"], interim / "market1501_attributes", LOOK).rows[0].text == ""
    )


def test_distractors_are_nobody(run):
    folder = run / "data/interim/market1501"
    table = index.read(folder)
    index.write(table.assign(pid=table["pid"].where(table["pid"] != 6, 0), split="gallery"), folder)
    sheet = dataset_samples.people([folder], None, Look(people=9, height=32, quality=95, seed=0))
    assert [row.title for row in sheet.rows] == [f"person {pid}" for pid in range(1, 6)]
    assert "48 images of 5 people (48 gallery; 8 are distractors)" in sheet.text


def test_digits_make_a_line_a_class(run):
    sheet = dataset_samples.digits(run / "data/interim/mnist", LOOK, columns=5)
    image = decode(sheet.rows[0].pictures[0])
    assert image.shape == (280, 140)
    assert [image[28 * d + 5, 10] for d in range(10)] == [25 * d for d in range(10)]
    assert (image[:, 84:] == 0).all()  # three digits a class, then nothing


def test_textures_are_of_held_out_people_and_of_their_own_file(run):
    images = run / "data/interim" / fake_run.SET
    sheet = dataset_samples.textures(images, run / "data/textures" / fake_run.SET / "texture", LOOK)
    assert [row.title for row in sheet.rows] == ["person 4", "person 5", "person 6"]  # people 1-3 are trained on
    row = sheet.rows[1]
    assert [p.caption for p in row.pictures] == ["picture", "pseudo texture", "true texture", "visible part"]
    assert near(decode(row.pictures[1]), (4 * 53, 0, 120))
    assert near(decode(row.pictures[2]), (4 * 53, 0, 120))


def test_a_real_set_has_no_true_textures(run):
    images = run / "data/interim" / fake_run.SET
    shutil.rmtree(images / "truth")
    sheet = dataset_samples.textures(images, run / "data/textures" / fake_run.SET / "texture", LOOK)
    assert [p.caption for p in sheet.rows[0].pictures] == ["picture", "pseudo texture"]
    assert "not available" in sheet.notes[0]


def drawn_sheet(rows: int, size: tuple[int, int] = (200, 40)) -> Image.Image:
    sheet = Image.new("RGB", (size[0] + 8, 4 + rows * (size[1] + 4)), (128, 128, 128))
    noise = np.random.default_rng(0).integers(0, 256, (rows, size[1], size[0], 3), dtype=np.uint8)
    for i in range(rows):
        sheet.paste(Image.fromarray(noise[i]), (4, 4 + i * (size[1] + 4)))
    data = io.BytesIO()
    sheet.save(data, "JPEG", quality=90)
    return Image.open(data).convert("RGB")


def test_rows_of_a_sheet_are_found_by_the_lines_between():
    parts = grid_rows.rows(drawn_sheet(5))
    assert len(parts) == 5
    assert all(abs(part.height - 40) <= 2 for part in parts)
    assert len(grid_rows.rows(drawn_sheet(5), least=60)) == 2  # low parts join: 5 rows make two pairs, one is left


def test_a_tall_sheet_is_wrapped_and_a_wide_one_kept():
    tall = drawn_sheet(9)
    wide = grid_rows.wrapped(tall)
    assert wide.width > 2 * tall.width
    assert wide.height < tall.height
    same = drawn_sheet(1)
    assert grid_rows.wrapped(same) is same
    assert pictures.embed(wide, width=100).width == 100
    assert pictures.embed(same, width=1000).width == same.width


def test_the_page_turns_a_picture_as_the_network_saw_it(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (40, 20), (200, 10, 10)).save(tmp_path / "a.jpg", exif=turned)
    for mode in ("RGB", "L"):
        assert pictures.load(tmp_path / "a.jpg", mode).size == (20, 40)
        assert pictures.load(tmp_path / "a.jpg", mode).mode == mode
