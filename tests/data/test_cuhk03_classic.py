"""CUHK03's classic splits on a hand-built .mat: who is where, and each thing that a file can lack."""

import h5py
import numpy as np
import pytest

from sanreid.data import cuhk03, cuhk03_classic, index
from tests.data.cuhk03_file import PEOPLE, SLOTS, SPLITS, pixels, write_mat


@pytest.fixture
def raw(tmp_path):
    write_mat(tmp_path / "cuhk-03.mat")
    return tmp_path


def place(path):
    return [int(part) for part in path.removeprefix("images/").removesuffix(".png").split("_")]


@pytest.mark.parametrize("boxes", ["labeled", "detected"])
@pytest.mark.parametrize("split", [1, 2])
def test_the_test_set_is_query_in_camera_1_and_gallery_in_camera_2_and_all_others_train(raw, boxes, split):
    table, pictures = cuhk03_classic.read(raw, boxes, split)
    assert list(table.columns) == ["path", "pid", "camid", "split", "pair", "protocol"]
    assert len(table) == sum(PEOPLE) * len(SLOTS)
    pids = {key: n for n, key in enumerate(((q, k) for q, n in enumerate(PEOPLE, 1) for k in range(1, n + 1)), 1)}
    for row in table.itertuples():
        pair, person, camera, slot = place(row.path)
        assert camera == (1 if slot < 6 else 2) == row.camid
        assert (row.pair, row.pid) == (pair, pids[pair, person])
        tested = (pair, person) in SPLITS[split - 1]
        assert row.split == ("train" if not tested else "query" if camera == 1 else "gallery")
    assert set(table["protocol"]) == {"single_gallery_shot"}
    seen = list(pictures)
    assert [name for name, _ in seen] == list(table["path"])
    for name, image in seen:
        pair, person, _, slot = place(name)
        np.testing.assert_array_equal(image, pixels(boxes, pair, person, slot))


def test_a_person_without_camera_2_is_left_out_with_a_warning_and_one_without_camera_1_stays(raw, tmp_path, caplog):
    two, one = [6, 7, 9], [1, 2]  # the slots of each camera
    gone = [(1, 2, two), (2, 1, one), (1, 1, two)]  # (1, 1) trains: one camera is fine
    unseen = [(pair, person, slot) for pair, person, slots in gone for slot in slots]
    write_mat(raw / "cuhk-03.mat", {("labeled", *place) for place in unseen})
    table, pictures = cuhk03_classic.read(raw, "labeled", 1)
    assert "split 1: 1 test people have no image of camera 2 and are left out, the first is pid 2" in caplog.text
    assert sorted(table.loc[table["split"] == "gallery", "pid"].unique()) == [5]
    assert not (table["split"] == "query").any()
    assert 2 not in set(table["pid"])
    assert (table["pid"] == 1).sum() == 2
    folder = tmp_path / "out"
    for name, _ in pictures:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    index.check(table, folder)


def test_the_order_of_people_is_the_new_protocols(published):
    """So a pid is the same person in either protocol of the published file."""
    shots = cuhk03.protocol(published / "cuhk03_new_protocol_config_labeled.mat")
    by_place = {(s.pair, s.person): s.pid for s in shots}
    assert [by_place[key] for key in sorted(by_place)] == list(range(1, 1468))
    sizes = [max(person for pair, person in by_place if pair == k) for k in range(1, 6)]
    assert sizes == [843, 440, 77, 58, 49]


@pytest.mark.parametrize("split", [0, 3, -1])
def test_a_split_that_is_not_there_is_named(raw, split):
    with pytest.raises(ValueError, match=rf"no split {split}; extract_cuhk03_classic\.splits go from 1 to 2"):
        cuhk03_classic.read(raw, "labeled", split)


@pytest.mark.parametrize("person", [(1, 5), (6, 1), (2, 0), (0, 1)])
def test_an_empty_test_set_is_refused(raw, person):
    write_mat(raw / "cuhk-03.mat", splits=[[(1, 1), person]])
    with pytest.raises(ValueError, match=rf"testset 1 names person {person[1]} of pair {person[0]}, but there is no"):
        cuhk03_classic.read(raw, "labeled", 1)


def test_missing_parts_of_a_file_are_refused(raw):
    with pytest.raises(ValueError, match="boxes 'labelled'"):
        cuhk03_classic.read(raw, "labelled", 1)
    write_mat(raw / "cuhk-03.mat", splits=None)
    with pytest.raises(ValueError, match=r"cuhk-03\.mat: has no 'testsets', which the classic protocol needs"):
        cuhk03_classic.read(raw, "labeled", 1)
    with h5py.File(raw / "cuhk-03.mat", "a") as file:
        file.create_dataset("testsets", (1, 20), dtype=h5py.ref_dtype)
    with pytest.raises(ValueError, match=r"testset 1 is not \(2, people\)"):
        cuhk03_classic.read(raw, "labeled", 1)
    with h5py.File(raw / "cuhk-03.mat", "a") as file:
        file["testsets"][0, 0] = file.create_dataset("flat", data=np.ones(4)).ref
    with pytest.raises(ValueError, match=r"testset 1 is not \(2, people\)"):
        cuhk03_classic.read(raw, "labeled", 1)
    (raw / "cuhk-03.mat").unlink()
    with pytest.raises(FileNotFoundError, match=r"no cuhk-03\.mat here"):
        cuhk03_classic.read(raw, "labeled", 1)
