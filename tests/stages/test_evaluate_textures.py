"""Stage evaluate_textures: pseudo textures whose errors are known, and sets that know no truth."""

import json

import numpy as np
import pytest

from sanreid.data import images, index
from sanreid.params import validate
from sanreid.pseudo_textures import texture_table
from stages import evaluate_textures as stage
from tests.stages import toy_san as toy

SIDE = toy.SIDE
SECTION = {"seed": 0, "images": 100, "samples": 3, "columns": 2}


def section(**changes):
    return validate({**SECTION, **changes}, stage.Params, "evaluate_textures")


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def write(folder, textures, pseudo, truth=True, people=4, nobody=0):
    """People with two pictures each; a picture shows the left half; the last column of texels does not exist."""
    rows, names = [], []
    for person in range(1, people + 1):
        for k in range(2):
            name = f"images/{person}_{k}.png"
            for path in (folder / name, folder / "truth/visibility" / f"{person}_{k}.png", textures / name):
                path.parent.mkdir(parents=True, exist_ok=True)
            images.write_rgb(folder / name, toy.picture(person, k))
            images.write_rgb(textures / name, pseudo(person, k))
            split = "train" if person <= 2 else "query" if k == 0 else "gallery"
            rows.append({"path": name, "pid": person, "camid": k + 1, "split": split})
            names.append(name)
            if truth:
                seen = np.zeros((SIDE, SIDE), np.uint8)
                seen[:, : SIDE // 2] = 255
                images.write_rgb(folder / "truth/visibility" / f"{person}_{k}.png", seen)
        if truth and person > nobody:
            (folder / "truth/textures").mkdir(parents=True, exist_ok=True)
            images.write_rgb(folder / "truth/textures" / f"{person}.png", toy.texture(person))
    if truth:
        coverage = np.full((SIDE, SIDE), 255, np.uint8)
        coverage[:, -1] = 0
        images.write_rgb(folder / "truth/coverage.png", coverage)
    index.write(index.build(rows), folder)
    texture_table.write(names, names, textures)


def test_errors_fall_where_they_were_made(tmp_path):
    def pseudo(person, _):
        texture = toy.texture(person).copy()
        half = texture[:, SIDE // 2 :].astype(int)
        texture[:, SIDE // 2 :] = np.where(half < 128, half + 51, half - 51)  # hidden texels are off by a fifth
        texture[:, -1] = 7  # what does not exist
        return texture

    write(tmp_path / "set", tmp_path / "textures", pseudo)
    stage.main(tmp_path / "set", tmp_path / "textures", tmp_path / "out", section())
    result = metrics(tmp_path / "out")
    assert result["available"] is True
    assert (result["images"], result["without_truth"]) == (8, 0)
    assert result["l1_visible"] == 0
    assert result["l1_hidden"] == pytest.approx(0.2)
    assert result["l1"] == pytest.approx(0.2 * 15 / 31)
    assert result["psnr_hidden"] == pytest.approx(-20 * np.log10(0.2))
    assert result["psnr_visible"] == 100
    assert result["ssim_hidden"] < result["ssim"] < result["ssim_visible"]


def test_the_reference_is_the_mean_of_the_training_people(tmp_path):
    write(tmp_path / "set", tmp_path / "textures", lambda person, _: toy.texture(person))
    stage.main(tmp_path / "set", tmp_path / "textures", tmp_path / "out", section())
    result = metrics(tmp_path / "out")
    mean = np.rint((toy.texture(1).astype(float) + toy.texture(2)) / 2)
    expected = np.mean([np.abs(mean - toy.texture(p))[:, :-1].mean() / 255 for p in range(1, 5)])
    assert result["l1"] == 0
    assert result["mean_texture"]["l1"] == pytest.approx(expected, abs=1e-6)


def test_people_without_truth_are_left_out_and_counted(tmp_path):
    write(tmp_path / "set", tmp_path / "textures", lambda person, _: toy.texture(person), nobody=1)
    stage.main(tmp_path / "set", tmp_path / "textures", tmp_path / "out", section(images=5))
    result = metrics(tmp_path / "out")
    assert (result["images"], result["without_truth"]) == (5, 2)


def test_a_set_without_truth_says_so_and_still_shows_samples(tmp_path):
    write(tmp_path / "set", tmp_path / "textures", lambda person, _: toy.texture(person), truth=False)
    stage.main(tmp_path / "set", tmp_path / "textures", tmp_path / "out", section())
    assert metrics(tmp_path / "out")["available"] is False
    assert "no true textures" in metrics(tmp_path / "out")["reason"]
    assert images.size(tmp_path / "out/samples.jpg")[0] > 176
    (tmp_path / "set/truth/textures").mkdir(parents=True)
    images.write_rgb(tmp_path / "set/truth/textures/1.png", toy.texture(1))
    stage.main(tmp_path / "set", tmp_path / "textures", tmp_path / "out", section())
    assert "coverage.png is missing" in metrics(tmp_path / "out")["reason"]


def test_the_same_seed_writes_the_same_files(tmp_path):
    write(tmp_path / "set", tmp_path / "textures", lambda person, _: toy.texture(person + 1))
    for name in ("a", "b"):
        stage.main(tmp_path / "set", tmp_path / "textures", tmp_path / name, section(images=3))
    for file in ("metrics.json", "samples.jpg"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_an_image_without_a_texture_is_named(tmp_path):
    write(tmp_path / "set", tmp_path / "textures", lambda person, _: toy.texture(person))
    texture_table.write(["images/1_0.png"], ["images/1_0.png"], tmp_path / "textures")
    with pytest.raises(ValueError, match=r"no texture for images/1_1\.png"):
        stage.main(tmp_path / "set", tmp_path / "textures", tmp_path / "out", section())
