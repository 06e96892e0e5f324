"""The stage: each set lands whole in its folder, or not at all; the command line spawns its workers safely."""

import subprocess
import sys
from pathlib import Path

import pytest

from sanreid.params import ParamsError, validate
from sanreid.synthesis.look import OFF
from stages import synthesize
from tests import yamls
from tests.data import broken_pictures as made

VALUES = {
    "seed": 1,
    "processes": 1,
    "backgrounds": None,
    "look": OFF.model_dump(mode="json"),
    "pit": {"people": 2, "images": 2, "shapes": 1, "cameras": 1, "look_alike_share": 0.0, "jitter": 0.03},
    "cuhk03": {
        "people": [2, 1],
        "camera_pairs": [[1, 2], [2, 3]],
        "test_people": 1,
        "splits": 2,
        "split_people": 1,
        "heights": [60, 64],
        "empty_share": 0.5,
        "missed_share": 0.1,
        "tight": 0.01,
        "jitter": 0.05,
        "cut_share": 0.1,
        "look_alike_share": 0.0,
    },
    "market1501": {
        "train_people": 1,
        "test_people": 1,
        "cameras": 2,
        "cameras_a_person": [2, 2],
        "frames_a_camera": [1, 1],
        "distractors": 1,
        "passer_by_share": 0.5,
        "junk": 1,
        "tight": 0.01,
        "jitter": 0.05,
        "cut_share": 0.1,
        "look_alike_share": 0.0,
    },
    "mnist": {"test_per_digit": 50},
}
TOP = {
    "pit": {"images", "GT_texture", "image-texture-label", "frontal", "visibility", "coverage.png", "uv_mirror.npy"},
    "cuhk03": {
        "cuhk-03.mat",
        "cuhk03_new_protocol_config_labeled.mat",
        "cuhk03_new_protocol_config_detected.mat",
        "truth",
    },
    "market1501": {"Market-1501-v15.09.15", "attribute", "truth"},
    "mnist": {f"{s}-{k}-ubyte.gz" for s in ("train", "t10k") for k in ("images-idx3", "labels-idx1")},
}


def params(**changes) -> synthesize.Params:
    return validate(VALUES | changes, synthesize.Params, "synthesize")


@pytest.mark.parametrize("dataset", TOP)
def test_each_set_has_its_publishers_layout(tmp_path, dataset):
    synthesize.main(dataset, tmp_path / "raw" / dataset, params())
    assert {p.name for p in (tmp_path / "raw" / dataset).iterdir()} == TOP[dataset]
    assert [p.name for p in (tmp_path / "raw").iterdir()] == [dataset], "no partial folder stays behind"


def test_an_error_leaves_the_former_output_untouched(tmp_path, monkeypatch):
    out = tmp_path / "mnist"
    out.mkdir()
    (out / "former").touch()

    def fail(folder: Path, *_, **__) -> None:
        (folder / "half").touch()
        raise ValueError("stop")

    monkeypatch.setitem(synthesize.PUBLISHERS, "mnist", fail)
    with pytest.raises(ValueError, match="stop"):
        synthesize.main("mnist", out, params())
    assert [p.name for p in tmp_path.iterdir()] == ["mnist"]
    assert [p.name for p in out.iterdir()] == ["former"]


def test_another_set_or_no_folder_of_backgrounds_is_an_error_with_a_remedy(tmp_path):
    with pytest.raises(ValueError, match="imagenet: not one of pit, cuhk03, market1501, mnist"):
        synthesize.main("imagenet", tmp_path / "x", params())
    with pytest.raises(FileNotFoundError, match=r"synthesize\.backgrounds: .*nowhere"):
        synthesize.main("mnist", tmp_path / "x", params(backgrounds=str(tmp_path / "nowhere")))
    assert not list(tmp_path.iterdir())


def test_a_typo_names_its_key():
    with pytest.raises(ParamsError, match=r"synthesize\.pit\.poeple"):
        params(pit=VALUES["pit"] | {"poeple": 3})


@pytest.mark.slow
def test_the_command_line_spawns_workers(tmp_path, root):
    (tmp_path / "params.yaml").write_text(yamls.dump({"synthesize": VALUES | {"processes": 2}}))
    command = [sys.executable, root / "stages" / "synthesize.py", "--dataset", "pit", "--out", tmp_path / "pit"]
    subprocess.run([*command, "--params", tmp_path / "params.yaml"], check=True)
    lines = (tmp_path / "pit" / "image-texture-label" / "label.txt").read_text().split()
    assert lines == [
        *("00000.jpg", "00000.png", "00001.jpg", "00000.png"),
        *("00002.jpg", "00001.png", "00003.jpg", "00001.png"),
    ]


@pytest.mark.parametrize("name", ["empty", "text", "jpeg_cut", "jpeg_hole", "png_cut", "png_bomb", "png_width_0"])
def test_a_broken_background_is_named_before_anything_is_rendered(tmp_path, name):
    folder = tmp_path / "places"
    folder.mkdir()
    for i in range(9):
        (folder / f"{i}.jpg").write_bytes(made.encoded())
    (folder / "._0.jpg").write_bytes(b"macOS's own")
    synthesize.main("pit", tmp_path / "pit", params(backgrounds=str(folder)))
    (folder / "9.png").write_bytes(made.everything()[name])
    with pytest.raises(ValueError, match=r"places/9\.png: "):
        synthesize.main("pit", tmp_path / "other", params(backgrounds=str(folder)))
    (folder / "9.png").unlink()
    (folder / "9.png").symlink_to(tmp_path / "pit/coverage.png")
    with pytest.raises(ValueError, match=r"places/9\.png: a link out of .*places"):
        synthesize.main("pit", tmp_path / "other", params(backgrounds=str(folder)))
    assert not (tmp_path / "other").exists()
