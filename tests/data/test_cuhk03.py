"""The CUHK03 reader against a hand-built release and against the real protocol file."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from sanreid.data import cuhk03
from tests.data.cuhk03_file import PEOPLE, SLOTS, pixels, write_mat


def listing():
    """(file, label, camera, split): the first three people of pair 1 and pair 3's train, the others are tested."""
    rows, label = [], 0
    for pair, people in enumerate(PEOPLE, 1):
        for person in range(1, people + 1):
            label += 1
            for slot in SLOTS:
                camera = 1 if slot <= 5 else 2
                train = (pair == 1 and person < 4) or pair == 3
                split = "train" if train else "query" if slot in (1, 6) else "gallery"
                rows.append((f"{pair}_{person:03d}_{camera}_{slot:02d}.png", label, camera, split))
    return rows


def write_protocol(path, rows=None, **changes):
    rows = listing() if rows is None else rows
    files = np.empty((len(rows), 1), dtype=object)
    files[:, 0] = [r[0] for r in rows]
    content = {
        "filelist": files,
        "labels": np.array([[r[1]] for r in rows], np.uint16),
        "camId": np.array([[r[2]] for r in rows], np.uint8),
    }
    for split in ("train", "query", "gallery"):
        content[f"{split}_idx"] = np.array([[i] for i, r in enumerate(rows, 1) if r[3] == split], np.uint16)
    content |= changes
    scipy.io.savemat(path, {k: v for k, v in content.items() if v is not None})


@pytest.fixture(scope="session")
def mat(tmp_path_factory):
    path = tmp_path_factory.mktemp("cuhk03") / "cuhk-03.mat"
    write_mat(path)
    return path


@pytest.fixture
def raw(tmp_path, mat):
    (tmp_path / "cuhk-03.mat").write_bytes(mat.read_bytes())
    for boxes in ("labeled", "detected"):
        write_protocol(tmp_path / f"cuhk03_new_protocol_config_{boxes}.mat")
    return tmp_path


@pytest.mark.parametrize("boxes", ["labeled", "detected"])
def test_every_image_is_the_one_its_name_says(raw, boxes):
    table, pictures = cuhk03.read(raw, boxes)
    seen = list(pictures)
    assert [name for name, _ in seen] == list(table["path"]) == [f"images/{r[0]}" for r in listing()]
    for name, image in seen:
        pair, person, _, slot = (int(x) for x in name.removeprefix("images/").removesuffix(".png").split("_"))
        np.testing.assert_array_equal(image, pixels(boxes, pair, person, slot))
        assert image.flags.c_contiguous


def test_people_cameras_and_splits_are_the_protocols(raw):
    table, _ = cuhk03.read(raw, "labeled")
    assert list(table["pid"]) == [r[1] for r in listing()]
    assert list(table["camid"]) == [r[2] for r in listing()]
    assert list(table["pair"]) == [int(Path(p).name.split("_")[0]) for p in table["path"]]
    assert list(table["split"]) == [r[3] for r in listing()]


def test_the_release_folder_may_be_inside(raw, tmp_path):
    inner = tmp_path / "cuhk03_release"
    inner.mkdir()
    for path in list(tmp_path.glob("*.mat")):
        path.rename(inner / path.name)
    assert len(cuhk03.read(raw, "labeled")[0]) == len(listing())


def test_validation_leaves_the_test_people_out_and_is_seeded(raw):
    table, pictures = cuhk03.read(raw, "labeled", "validation", 2, seed=3)
    tested = {r[1] for r in listing() if r[3] != "train"}
    assert not tested & set(table["pid"])
    assert table.loc[table["split"] == "train", "pid"].nunique() == 2
    held = table[table["split"] != "train"]
    assert held["pid"].nunique() == 2
    assert len(held) + (table["split"] == "train").sum() == 4 * len(SLOTS)
    # a query for each person and camera, and that camera keeps at least one for the gallery
    queries = held[held["split"] == "query"]
    assert sorted(zip(queries["pid"], queries["camid"], strict=True)) == [
        (pid, camid) for pid in sorted(held["pid"].unique()) for camid in (1, 2)
    ]
    assert set(queries["pid"]) == set(held.loc[held["split"] == "gallery", "pid"])
    assert [name for name, _ in pictures] == list(table["path"])
    again, _ = cuhk03.read(raw, "labeled", "validation", 2, seed=3)
    assert list(again["split"]) == list(table["split"])
    others = [list(cuhk03.read(raw, "labeled", "validation", 2, seed=s)[0]["split"]) for s in range(6)]
    assert len({tuple(o) for o in others}) > 1


def test_a_camera_with_one_image_keeps_it_in_the_gallery():
    shots = [
        cuhk03.Shot(f"1_00{p}_{c}_0{k}.png", p, c, "train", 1, p, k)
        for p in (1, 2)
        for c, k in ((1, 1), (2, 6), (2, 7))
    ]
    held = [s for s in cuhk03.hold_out(shots, 1, 0) if s.split != "train"]
    assert [s.split for s in held if s.camid == 1] == ["gallery"]
    assert sorted(s.split for s in held if s.camid == 2) == ["gallery", "query"]


@pytest.mark.parametrize("people", [0, 4, 99, -1])
def test_a_validation_that_cannot_be_is_named(raw, people):
    with pytest.raises(ValueError, match=f"validation_people: {people} of 4"):
        cuhk03.read(raw, "labeled", "validation", people)


def test_an_empty_slot_of_a_listed_image_is_named(raw):
    write_mat(raw / "cuhk-03.mat", missing={("labeled", 2, 1, 7)})
    _, pictures = cuhk03.read(raw, "labeled")
    with pytest.raises(ValueError, match=r"labeled: 2_001_2_07\.png is in the protocol, but empty"):
        list(pictures)
    assert len(list(cuhk03.read(raw, "detected")[1])) == len(listing())


def test_a_person_that_the_mat_does_not_have_is_named(raw):
    rows = [*listing(), ("5_002_1_01.png", 99, 1, "train")]
    write_protocol(raw / "cuhk03_new_protocol_config_labeled.mat", rows)
    with pytest.raises(ValueError, match=r"5_002_1_01\.png is in the protocol, but the file has no such person"):
        list(cuhk03.read(raw, "labeled")[1])


@pytest.mark.parametrize("keep", [0.5, 0.999])
def test_a_truncated_mat_is_refused_before_any_image(raw, keep):
    whole = (raw / "cuhk-03.mat").read_bytes()
    (raw / "cuhk-03.mat").write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(ValueError, match=r"cuhk-03\.mat: not a whole HDF5 file .*download it again"):
        cuhk03.read(raw, "labeled")


def test_absent_files_are_named(raw, tmp_path):
    (raw / "cuhk03_new_protocol_config_detected.mat").unlink()
    with pytest.raises(FileNotFoundError, match=r"config_detected\.mat: not found; it belongs to the new protocol"):
        cuhk03.read(raw, "detected")
    (raw / "cuhk-03.mat").unlink()
    with pytest.raises(FileNotFoundError, match=r"no cuhk-03\.mat here or in cuhk03_release/"):
        cuhk03.read(raw, "labeled")


def test_a_mat_without_the_boxes_is_named(raw):
    with h5py.File(raw / "cuhk-03.mat", "w") as file:
        file["labeled"] = np.zeros(3)
    with pytest.raises(ValueError, match="has no 'detected'"):
        cuhk03.read(raw, "detected")


def test_unknown_boxes_and_holdouts_are_refused(raw):
    with pytest.raises(ValueError, match="'labelled'"):
        cuhk03.read(raw, "labelled")
    with pytest.raises(ValueError, match="'val'"):
        cuhk03.read(raw, "labeled", "val")


def edited(row, **values):
    keys = ("file", "label", "camera", "split")
    rows = [dict(zip(keys, r, strict=True)) for r in listing()]
    rows[row] |= values
    return [tuple(r.values()) for r in rows]


@pytest.mark.parametrize(
    ("row", "values", "words"),
    [
        (0, {"file": "1_001_1_01.jpg"}, r"'1_001_1_01\.jpg' is not"),
        (0, {"file": "1_01_1_01.png"}, r"'1_01_1_01\.png' is not"),
        (0, {"file": "6_001_1_01.png"}, r"'6_001_1_01\.png' is not"),
        (0, {"file": "1_001_1_06.png"}, r"'1_001_1_06\.png' is not"),
        (0, {"file": "1_001_2_05.png"}, r"'1_001_2_05\.png' is not"),
        (0, {"file": "1_000_1_01.png"}, r"'1_000_1_01\.png' is not"),
        (0, {"camera": 2}, r"1_001_1_01\.png is of camera 1 by its name, of 2 by camId"),
        (1, {"label": 9}, r"1_001_1_02\.png has label 9, other images say otherwise"),
        (5, {"label": 1}, "two people in one"),
        (1, {"file": "1_001_1_01.png"}, r"1_001_1_01\.png is listed 2 times"),
        (3, {"split": "nowhere"}, r"1_001_2_07\.png is in none of"),
    ],
)
def test_each_wrong_line_of_a_protocol_is_named(tmp_path, row, values, words):
    write_protocol(tmp_path / "p.mat", edited(row, **values))
    with pytest.raises(ValueError, match=words):
        cuhk03.protocol(tmp_path / "p.mat")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_idx": np.array([[1], [46]])}, "train_idx holds 46"),
        ({"train_idx": np.array([[0]])}, "train_idx holds 0"),
        ({"query_idx": np.array([[1]])}, r"1_001_1_01\.png is in train_idx and in query_idx"),
        ({"labels": np.ones((3, 1))}, "45 files, 3 labels, 45 cameras"),
        ({"camId": None}, "has no 'camId'"),
    ],
)
def test_a_protocol_that_contradicts_itself_is_refused(tmp_path, changes, words):
    write_protocol(tmp_path / "p.mat", **changes)
    with pytest.raises(ValueError, match=words):
        cuhk03.protocol(tmp_path / "p.mat")


@pytest.mark.parametrize("key", ["labels", "camId", "train_idx", "query_idx", "gallery_idx"])
@pytest.mark.parametrize("change", [0.5, 0.4, np.nan, np.inf, 1e300, -1e6])
def test_numbers_of_a_protocol_are_whole_and_finite(tmp_path, key, change):
    write_protocol(tmp_path / "p.mat")
    values = scipy.io.loadmat(tmp_path / "p.mat")[key].astype(float)
    values[0] += change
    write_protocol(tmp_path / "p.mat", **{key: values})
    with pytest.raises(ValueError, match=rf"p\.mat: {key} holds .*; known are the whole numbers"):
        cuhk03.protocol(tmp_path / "p.mat")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"filelist": np.ones((45, 1))}, "filelist is no list of file names"),
        ({"filelist": np.array([[np.ones((1, 1))]] * 45, dtype=object)}, "filelist is no list of file names"),
        ({"filelist": "1_001_1_01.png"}, "filelist is no list of file names"),
        ({"labels": "some text"}, "labels holds no numbers"),
        ({"labels": {"x": 1}}, "labels holds no numbers"),
        ({"labels": np.array([[1 + 2j]] * 45)}, "labels holds no numbers"),
        ({"query_idx": np.empty((0, 1))}, "is in none of"),
    ],
)
def test_values_of_another_kind_are_named(tmp_path, changes, words):
    write_protocol(tmp_path / "p.mat", **changes)
    with pytest.raises(ValueError, match=rf"p\.mat: .*{words}"):
        cuhk03.protocol(tmp_path / "p.mat")


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        ({"query": "train"}, r"query_idx holds no image"),
        ({"train": "gallery"}, r"train_idx holds no image"),
        ({"gallery": "query"}, r"gallery_idx holds no image"),
    ],
)
def test_an_empty_split_is_refused_before_any_image(tmp_path, splits, words):
    write_protocol(tmp_path / "p.mat", [(*r[:3], splits.get(r[3], r[3])) for r in listing()])
    with pytest.raises(ValueError, match=rf"p\.mat: {words}"):
        cuhk03.protocol(tmp_path / "p.mat")


def test_people_in_train_and_query_and_queries_without_gallery_are_refused(tmp_path):
    write_protocol(tmp_path / "p.mat", edited(0, split="gallery"))
    with pytest.raises(ValueError, match=r"p\.mat: label 1 is in train_idx and in query_idx or gallery_idx"):
        cuhk03.protocol(tmp_path / "p.mat")
    rows = [(*r[:3], "query" if r[1] == 9 else r[3]) for r in listing()]
    write_protocol(tmp_path / "p.mat", rows)
    with pytest.raises(ValueError, match=r"p\.mat: label 9 is in query_idx and not in gallery_idx"):
        cuhk03.protocol(tmp_path / "p.mat")


def test_a_v73_protocol_is_refused_with_advice_how_to_save_it(raw):
    (raw / "cuhk03_new_protocol_config_labeled.mat").write_bytes((raw / "cuhk-03.mat").read_bytes())
    with pytest.raises(
        ValueError, match=r"config_labeled\.mat: saved by MATLAB as v7\.3 .* save it in MATLAB with -v7"
    ):
        cuhk03.read(raw, "labeled")


def test_a_long_value_is_not_printed_whole(tmp_path):
    write_protocol(tmp_path / "p.mat", edited(0, file="x" * 5_000_000))
    with pytest.raises(ValueError, match="file name") as caught:
        cuhk03.protocol(tmp_path / "p.mat")
    assert len(str(caught.value)) < 1000


def test_a_truncated_protocol_is_named(tmp_path):
    write_protocol(tmp_path / "p.mat")
    whole = (tmp_path / "p.mat").read_bytes()
    (tmp_path / "p.mat").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"p\.mat: not a readable MAT v5 file"):
        cuhk03.protocol(tmp_path / "p.mat")


def test_the_real_labeled_protocol(published):
    """7,365 / 5,332 are the detected counts, often taken for labeled."""
    shots = cuhk03.protocol(published / "cuhk03_new_protocol_config_labeled.mat")
    splits = {split: [s for s in shots if s.split == split] for split in ("train", "query", "gallery")}
    assert {split: len(rows) for split, rows in splits.items()} == {"train": 7368, "query": 1400, "gallery": 5328}
    people = {split: {s.pid for s in rows} for split, rows in splits.items()}
    assert len(people["train"]) == 767
    assert people["query"] == people["gallery"]
    assert len(people["query"]) == 700
    assert not people["train"] & people["query"]
    assert shots[0] == cuhk03.Shot("1_001_1_01.png", 1, 1, "train", 1, 1, 1)
    assert max(s.pid for s in shots) == 1467


def test_validation_of_the_real_protocol(published):
    shots = cuhk03.protocol(published / "cuhk03_new_protocol_config_labeled.mat")
    held = cuhk03.hold_out(shots, 100, 0)
    assert len(held) == 7368
    people = {split: {s.pid for s in held if s.split == split} for split in ("train", "query", "gallery")}
    assert len(people["train"]) == 667
    assert len(people["gallery"]) == 100
    assert people["query"] <= people["gallery"]
    assert len(people["query"]) >= 99
