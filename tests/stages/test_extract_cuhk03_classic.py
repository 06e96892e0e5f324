"""Stage extract_cuhk03_classic on a hand-built .mat: files, truth, summary."""

import json

import numpy as np
import pytest

from sanreid.data import images, index
from sanreid.params import ParamsError, validate
from stages import extract_cuhk03_classic as stage
from tests.data.cuhk03_file import PEOPLE, SLOTS, pixels, write_mat


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw" / "cuhk03_release"  # as the publisher's archive unpacks
    folder.mkdir(parents=True)
    write_mat(folder / "cuhk-03.mat")
    return folder.parent


def section(boxes="labeled", splits=(1, 2)):
    return validate({"boxes": boxes, "splits": list(splits)}, stage.Params, "extract_cuhk03_classic")


def test_pictures_table_and_summary(raw, tmp_path):
    stage.main(raw, 2, tmp_path / "out", section("detected"))
    table = index.read(tmp_path / "out")
    assert sorted(table.loc[table["split"] == "query", "pid"].unique()) == [4, 8, 9]
    assert set(table["protocol"]) == {index.SINGLE_GALLERY_SHOT}
    read = images.read_rgb(tmp_path / "out/images/1_004_2_09.png")
    np.testing.assert_array_equal(read, pixels("detected", 1, 4, 9))
    assert json.loads((tmp_path / "out/summary.json").read_text()) == {
        "boxes": "detected",
        "split": 2,
        "protocol": "single_gallery_shot",
        "people": sum(PEOPLE),
        "images": sum(PEOPLE) * len(SLOTS),
        "cameras": 2,
        "splits": {
            "train": {"people": 6, "images": 30},
            "query": {"people": 3, "images": 6},
            "gallery": {"people": 3, "images": 9},
        },
    }
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["images", "index.parquet", "summary.json", "truth"]


def test_truth_goes_by_the_table_names(raw, tmp_path):
    truth = raw / "cuhk03_release/truth"
    for name in ("textures/1_001", "textures/2_002", "textures/1_009", "visibility/labeled/2_002_1_01", "coverage"):
        (truth / name).parent.mkdir(parents=True, exist_ok=True)
        images.write_rgb(truth / f"{name}.png", np.full((2, 2), len(name), np.uint8))
    stage.main(raw, 1, tmp_path / "out", section())
    found = sorted(p.relative_to(tmp_path / "out/truth").as_posix() for p in (tmp_path / "out/truth").rglob("*.png"))
    assert found == ["coverage.png", "textures/1.png", "textures/6.png", "visibility/2_002_1_01.png"]


def test_the_same_input_gives_the_same_bytes(raw, tmp_path):
    for name in ("a", "b"):
        stage.main(raw, 1, tmp_path / name, section())
    for path in (p for p in (tmp_path / "a").rglob("*") if p.is_file()):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_a_killed_run_continues_after_its_last_image(raw, tmp_path, monkeypatch):
    stage.main(raw, 1, tmp_path / "whole", section())
    read, inner = [], stage.cuhk03._read

    def stopping(*given):
        if len(read) == 5:
            raise KeyboardInterrupt
        read.append(given)
        return inner(*given)

    monkeypatch.setattr(stage.cuhk03, "_read", stopping)
    with pytest.raises(KeyboardInterrupt):
        stage.main(raw, 1, tmp_path / "out", section())
    assert not (tmp_path / "out").exists()
    there = len(list(tmp_path.glob(".out.*.partial/images/[1-5]*.png")))
    assert there == 5  # every picture that was read before the end is written
    monkeypatch.setattr(stage.cuhk03, "_read", lambda *given: read.append(given) or inner(*given))
    stage.main(raw, 1, tmp_path / "out", section())
    assert len(read) == sum(PEOPLE) * len(SLOTS)  # nothing twice
    for path in (p for p in (tmp_path / "whole").rglob("*") if p.is_file()):
        assert (tmp_path / "out" / path.relative_to(tmp_path / "whole")).read_bytes() == path.read_bytes(), path


def test_bad_input_leaves_nothing_behind(raw, tmp_path):
    with pytest.raises(ValueError, match="no split 3"):
        stage.main(raw, 3, tmp_path / "out", section())
    assert [p.name for p in tmp_path.iterdir()] == ["raw"]
    with pytest.raises(ParamsError, match=r"extract_cuhk03_classic\.splits\.0"):
        section(splits=[0])
    with pytest.raises(ParamsError, match=r"extract_cuhk03_classic\.boxes"):
        section(boxes="drawn")
