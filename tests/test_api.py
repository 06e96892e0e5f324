"""The public API: any re-ID network from its folder, features of any picture, errors that name the file."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from sanreid import api
from sanreid.api import Model
from sanreid.data import tensors
from sanreid.evaluation import features
from tests.cli import networks
from tests.stages import toy_san as toy


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    networks.write_strong(folder / "strong")
    networks.write_san(folder / "san")
    toy.write_people(folder / "people", train=0, test=2, each=3)
    return folder


@pytest.mark.parametrize("kind", ["strong", "san"])
def test_features_are_the_networks_at_unit_length_in_order(place, kind):
    model = Model.load(place / kind)
    paths = sorted((place / "people").rglob("*.png"))
    told = []
    found = model.embed(paths, batch=4, progress=told.append)
    decoded = tensors.decode(Path(), [str(p) for p in paths], model.image_size)
    want = features.extract(model.network, decoded, batch=2, l2=True)
    assert found.dtype == np.float32
    assert found.shape == (6, model.dimension)
    np.testing.assert_allclose(found, want, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert told == [4, 2]
    assert (model.name, model.image_size, model.device.type) == (kind, tuple(model.image_size), "cpu")
    assert model.embed([]).shape == (0, model.dimension)


def test_pictures_of_any_size_mode_and_turn(place, tmp_path):
    model = Model.load(place / "strong")
    values = np.random.default_rng(0).integers(0, 256, (90, 40, 3)).astype(np.uint8)
    picture = Image.fromarray(cv2.GaussianBlur(values, (0, 0), 3))
    picture.save(tmp_path / "plain.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter to the right when shown
    picture.rotate(90, expand=True).save(tmp_path / "turned.jpg", exif=exif, quality=100, subsampling=0)
    picture.convert("RGBA").save(tmp_path / "alpha.png")
    picture.convert("L").save(tmp_path / "grey.png")
    picture.convert("L").convert("RGB").save(tmp_path / "grey_rgb.png")
    picture.convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "palette.png")
    picture.convert("CMYK").save(tmp_path / "cmyk.jpg")
    picture.convert("1").save(tmp_path / "bits.png")
    picture.save(tmp_path / "as.webp", lossless=True)
    Image.fromarray(values[:1, :1]).save(tmp_path / "pixel.bmp")
    names = ["plain.png", "turned.jpg", "alpha.png", "grey.png", "grey_rgb.png", "as.webp"]
    plain, turned, alpha, grey, grey_rgb, webp = model.embed([tmp_path / name for name in names])
    np.testing.assert_allclose(alpha, plain, atol=1e-6)
    np.testing.assert_allclose(webp, plain, atol=1e-6)
    np.testing.assert_allclose(grey, grey_rgb, atol=1e-6)
    assert turned @ plain > 0.999
    others = model.embed([tmp_path / name for name in ("palette.png", "cmyk.jpg", "bits.png", "pixel.bmp")])
    assert np.isfinite(others).all()


def test_a_picture_that_cannot_be_read_is_named(place, tmp_path):
    model = Model.load(place / "strong")
    whole = next((place / "people").rglob("*.png"))
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:-30])
    (tmp_path / "text.jpg").write_text("no picture")
    for name, kind in (("cut.png", ValueError), ("text.jpg", ValueError), ("gone.png", FileNotFoundError)):
        with pytest.raises(kind, match=name):
            model.embed([whole, tmp_path / name])
    with pytest.raises(ValueError, match="list of paths"):
        model.embed(str(whole))


def test_what_is_no_network_is_refused_by_name(place, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.params\.json: not found; name a model folder"):
        Model.load(tmp_path / "nowhere")
    (tmp_path / "params.json").write_text('{"architecture": {}, "target": "texture"}')
    with pytest.raises(ValueError, match=r"params\.json: no re-ID network"):
        Model.load(tmp_path)
    (tmp_path / "params.json").write_text(json.dumps({"system": "attributes"}))
    with pytest.raises(ValueError, match=r"params\.json: no re-ID network"):
        Model.load(tmp_path)
    (tmp_path / "params.json").write_bytes((place / "strong/params.json").read_bytes())
    (tmp_path / "weights.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"weights\.safetensors"):
        Model.load(tmp_path)
    for device in ("abacus", "cuda:77"):
        with pytest.raises(ValueError, match=f"device '{device}': not there"):
            Model.load(place / "strong", device)


def test_without_a_folder_it_is_the_network_that_ships(place, monkeypatch, tmp_path):
    monkeypatch.setattr(api, "SHIPPED", tmp_path)
    with pytest.raises(FileNotFoundError, match="make pretrained"):
        Model.load()
    monkeypatch.setattr(api, "SHIPPED", place / "strong")
    assert Model.load().name == "strong"


def test_the_public_names_stay():
    assert {n for n in vars(Model) if not n.startswith("_")} == {"load", "embed", "digest"}
