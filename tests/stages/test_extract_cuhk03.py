"""Stage extract_cuhk03 on a hand-built release."""

import json

import h5py
import numpy as np
import pytest
import scipy.io

from sanreid.data import images, index
from sanreid.params import validate
from stages import extract_cuhk03

FILES = [
    f"1_{person:03d}_{camera}_{5 * camera - 4 + k:02d}.png" for person in (1, 2) for camera in (1, 2) for k in (0, 1)
]


def colour(name):
    _, person, _, slot = (int(x) for x in name.removesuffix(".png").split("_"))
    return (250, 20 * person, slot)


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    with h5py.File(folder / "cuhk-03.mat", "w") as file:
        for boxes in ("labeled", "detected"):
            slots = file.create_dataset(f"#{boxes}", (10, 2), dtype=h5py.ref_dtype)
            for person in (1, 2):
                for slot in range(1, 11):
                    name = f"1_{person:03d}_{1 if slot < 6 else 2}_{slot:02d}.png"
                    image = np.full((9, 4, 3), colour(name), np.uint8).transpose(2, 1, 0)
                    data = image if name in FILES else np.zeros(2, np.uint64)
                    slots[slot - 1, person - 1] = file.create_dataset(f"#{boxes}_{person}_{slot}", data=data).ref
            file.create_dataset(boxes, data=np.array([[slots.ref] * 5], dtype=object), dtype=h5py.ref_dtype)
    listed = np.empty((len(FILES), 1), dtype=object)
    listed[:, 0] = FILES
    people = np.array([[10 * int(f[2:5])] for f in FILES])  # label 10 and 20
    for boxes in ("labeled", "detected"):
        content = {"filelist": listed, "labels": people, "camId": np.array([[int(f[6])] for f in FILES])}
        content |= {"train_idx": np.arange(1, 5), "query_idx": np.array([5, 7]), "gallery_idx": np.array([6, 8])}
        scipy.io.savemat(folder / f"cuhk03_new_protocol_config_{boxes}.mat", content)
    return folder


def params(holdout="test", people=0):
    return validate({"holdout": holdout, "validation_people": people, "seed": 0}, extract_cuhk03.Params, "p")


def test_pictures_table_and_summary(raw, tmp_path):
    out = tmp_path / "interim"
    extract_cuhk03.main(raw, "labeled", out, params())
    table = index.read(out)
    assert list(table["path"]) == [f"images/{f}" for f in FILES]
    assert list(table["split"]) == ["train"] * 4 + ["query", "gallery"] * 2
    for name in FILES:  # red stays red through the PNG
        assert images.read_rgb(out / "images" / name)[3, 2].tolist() == list(colour(name))
    assert json.loads((out / "summary.json").read_text()) == {
        "boxes": "labeled",
        "holdout": "test",
        "people": 2,
        "images": 8,
        "cameras": 2,
        "splits": {
            "train": {"people": 1, "images": 4},
            "query": {"people": 1, "images": 2},
            "gallery": {"people": 1, "images": 2},
        },
    }
    assert sorted(p.name for p in out.iterdir()) == ["images", "index.parquet", "summary.json", "truth"]
    assert not list((out / "truth").iterdir())


@pytest.mark.parametrize("name", ["textures/1_001", "visibility/detected/1_001_1_01"])
def test_a_truth_that_is_a_link_out_or_broken_is_refused(raw, tmp_path, name):
    path = raw / "truth" / f"{name}.png"
    path.parent.mkdir(parents=True)
    images.write_rgb(tmp_path / "elsewhere.png", np.zeros((2, 2), np.uint8))
    path.symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(ValueError, match=rf"{name}\.png: a link out of .*raw; put the file itself there"):
        extract_cuhk03.main(raw, "detected", tmp_path / "out", params())
    path.unlink()
    path.write_bytes((tmp_path / "elsewhere.png").read_bytes()[:-9])
    with pytest.raises(ValueError, match=rf"{name}\.png: not a readable picture \(cut off\)"):
        extract_cuhk03.main(raw, "detected", tmp_path / "out", params())


def test_truth_goes_by_the_table_names(raw, tmp_path):
    for name in ("textures/1_001", "textures/1_002", "textures/1_009", "visibility/labeled/1_002_1_01", "coverage"):
        path = raw / "truth" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        images.write_rgb(path, np.full((2, 2), len(name), np.uint8))
    (raw / "truth/visibility/detected").mkdir()
    images.write_rgb(raw / "truth/visibility/detected/1_001_1_01.png", np.zeros((2, 2), np.uint8))
    extract_cuhk03.main(raw, "labeled", tmp_path / "out", params())
    found = sorted(p.relative_to(tmp_path / "out/truth").as_posix() for p in (tmp_path / "out/truth").rglob("*.png"))
    assert found == ["coverage.png", "textures/10.png", "textures/20.png", "visibility/1_002_1_01.png"]


def test_the_same_input_gives_the_same_bytes(raw, tmp_path):
    for name in ("a", "b"):
        extract_cuhk03.main(raw, "detected", tmp_path / name, params())
    for path in (p for p in (tmp_path / "a").rglob("*") if p.is_file()):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_an_error_leaves_nothing_behind(raw, tmp_path):
    with h5py.File(raw / "cuhk-03.mat", "a") as file:
        file["#labeled"][0, 1] = file["#labeled_1_3"].ref  # an empty slot
    with pytest.raises(ValueError, match=r"1_002_1_01\.png"):
        extract_cuhk03.main(raw, "labeled", tmp_path / "out", params())
    assert [p.name for p in tmp_path.iterdir()] == ["raw"]


def test_validation_needs_people_to_train_on(raw, tmp_path):
    with pytest.raises(ValueError, match="validation_people"):
        extract_cuhk03.main(raw, "labeled", tmp_path / "out", params("validation", 1))


def test_a_killed_run_continues_after_its_last_image_and_reads_nothing_twice(raw, tmp_path, monkeypatch):
    whole = tmp_path / "whole"
    extract_cuhk03.main(raw, "labeled", whole, params())
    written, read = [], []
    once, inner = images._write_whole, extract_cuhk03.cuhk03._read

    def stopping(path, image):
        if len(written) == 5:
            raise KeyboardInterrupt
        written.append(path.name)
        once(path, image)

    monkeypatch.setattr(images, "_write_whole", stopping)
    monkeypatch.setattr(images, "IN_FLIGHT", 1)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        extract_cuhk03.main(raw, "labeled", out, params())
    assert not out.exists()
    monkeypatch.setattr(images, "_write_whole", once)
    monkeypatch.setattr(extract_cuhk03.cuhk03, "_read", lambda *a: read.append(a) or inner(*a))
    extract_cuhk03.main(raw, "labeled", out, params())
    assert len(written) == 5
    assert len(read) == len(FILES) - 5
    for path in sorted(p for p in whole.rglob("*") if p.is_file()):
        assert (out / path.relative_to(whole)).read_bytes() == path.read_bytes(), path
