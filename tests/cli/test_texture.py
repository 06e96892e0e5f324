"""`sanreid texture`: the network's own texture in a file, the person turned, and networks that paint none."""

import json

import numpy as np
import pytest

from sanreid.data import images, tensors
from sanreid.models.san import SAN
from sanreid.pseudo_textures import generate
from sanreid.search import textures
from sanreid.synthesis import body, sewing, turned
from sanreid.training import checkpoint
from tests.cli import networks
from tests.stages import toy_san as toy


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texture")
    networks.write_san(folder / "model")
    toy.write_people(folder / "people", train=0, test=1, each=2)
    return folder


def test_the_files_hold_the_networks_texture_and_the_person_turned(place, monkeypatch, capfd):
    picture = next((place / "people").rglob("*.png"))
    given = ("texture", picture, "-m", place / "model", "-o", place / "out", "--height", 64)
    code, shown, _ = networks.run(monkeypatch, capfd, *given, "--json")
    assert code == 0
    files = json.loads(shown)["pictures"][0]["files"]
    assert list(files) == ["texture", *turned.SIDES, "turned"]
    net = SAN(toy.architecture(), people=3)
    checkpoint.load_into(net, place / "model" / checkpoint.WEIGHTS, strict=True)
    want = next(
        generate.predict(net, tensors.decode(place, [str(picture.relative_to(place))], (toy.HEIGHT, toy.WIDTH)), 1)
    )
    np.testing.assert_array_equal(images.read_rgb(files["texture"]), want)
    sides = turned.turned(sewing.sewn(want), 64)
    for name, side in sides.items():
        np.testing.assert_array_equal(images.read_rgb(files[name]), side)
    assert images.size(files["turned"]) == (64, 4 * sides["front"].shape[1])

    # a layout that is not the body's: the texture alone
    np.save(place / "model/uv_mirror.npy", body.uv_mirror()[::-1])
    code, shown, told = networks.run(monkeypatch, capfd, *given, "--json")
    (place / "model/uv_mirror.npy").unlink()
    assert (code, list(json.loads(shown)["pictures"][0]["files"])) == (0, ["texture"])
    assert "nobody is turned" in told


def test_without_a_model_the_one_that_ships_paints(place, monkeypatch, capfd, tmp_path):
    picture = next((place / "people").rglob("*.png"))
    code, shown, _ = networks.run(monkeypatch, capfd, "texture", picture, "-o", tmp_path / "out", "--json")
    assert code == 0
    assert json.loads(shown)["model"] == str(textures.SHIPPED)
    texture = images.read_rgb(tmp_path / "out" / f"{picture.stem}_texture.png")
    assert texture.shape == (128, 128, 3)
    assert (tmp_path / "out" / f"{picture.stem}_turned.png").is_file()


def test_what_paints_none_or_would_overwrite_is_told(place, monkeypatch, capfd, tmp_path):
    networks.write_strong(tmp_path / "strong")
    picture = next((place / "people").rglob("*.png"))
    (tmp_path / picture.name).write_bytes(picture.read_bytes())
    out = ("-o", tmp_path / "out")
    for given, words in (
        ((picture, "-m", tmp_path / "strong"), "paints no texture"),
        ((picture, "-m", tmp_path / "none"), "params.json: not found"),
        ((picture, tmp_path / picture.name, "-m", place / "model"), "has the same name"),
    ):
        code, shown, told = networks.run(monkeypatch, capfd, "texture", *given, *out)
        assert (code, shown) == (1, "")
        assert words in told
        assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()
