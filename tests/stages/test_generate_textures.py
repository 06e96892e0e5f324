"""Stage generate_textures: a texture an image, found by table, in the right colours, never one over another."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from sanreid.data import images, tensors
from sanreid.models.san import SAN
from sanreid.params import validate
from sanreid.pseudo_textures import generate, texture_table
from stages import generate_textures as stage
from tests.stages import toy_san as toy


@pytest.fixture
def people(tmp_path):
    return toy.write_people(tmp_path / "people")


@pytest.fixture
def weights(tmp_path):
    """An untrained SAN-PG whose texture is orange, wherever it is (the last layer's bias alone), and out of range."""
    torch.manual_seed(0)
    model = SAN(toy.architecture(), people=1)
    state = model.state_dict()
    state["decoder.final_layer.1.weight"] *= 0.001
    state["decoder.final_layer.1.bias"][:] = torch.tensor([1.54, 0.0, -1.3])
    folder = tmp_path / "san_pg"
    folder.mkdir()
    kept = {k: v.contiguous() for k, v in state.items() if not k.startswith(("encoder.fc", "encoder.cl"))}
    save_file(kept, folder / "weights.safetensors")
    np.save(folder / "uv_mirror.npy", toy.mirror_map())
    return folder


def params(batch=5):
    return validate({"batch": batch}, stage.Params, "generate_textures")


def test_every_image_has_its_own_texture_in_rgb_clipped(people, weights, tmp_path):
    out = tmp_path / "textures"
    stage.main(people, weights, out, params(), toy.architecture())
    index = pd.read_parquet(out / "index.parquet")
    listed = pd.read_parquet(people / "index.parquet")["path"].tolist()
    assert index["path"].tolist() == listed
    assert index["texture"].is_unique
    assert len(list(out.rglob("*.png"))) == len(listed) == 32  # train and query share file names
    assert index.loc[index["path"] == "images/query/100_0.png", "texture"].item() == "images/query/100_0.png"
    texture = images.read_rgb(out / index["texture"][0])
    assert texture.shape == (32, 32, 3)
    assert np.abs(texture.astype(int) - [255, 128, 0]).max() <= 1  # red first, and 1.54 does not wrap round
    assert (out / "uv_mirror.npy").is_file()


def test_a_texture_does_not_depend_on_its_batch(people):
    torch.manual_seed(0)
    model = SAN(toy.architecture(), people=1)
    paths = pd.read_parquet(people / "index.parquet")["path"].tolist()[:7]
    decoded = tensors.decode(people, paths, (32, 16))
    for name, weight in model.state_dict().items():
        if name.startswith("decoder.") and weight.ndim == 4:
            torch.nn.init.xavier_normal_(weight)  # textures that differ
    model.state_dict()["decoder.final_layer.1.bias"].zero_()
    one, many = (np.stack(list(generate.predict(model, decoded, n))) for n in (1, 7))
    assert np.ptp(many.astype(int), axis=0).max() > 10
    assert np.abs(one.astype(int) - many).max() <= 1


def test_weights_of_another_network_are_refused(people, weights, tmp_path):
    with pytest.raises(ValueError, match=r"other shape: encoder\.conv1\.weight"):
        stage.main(people, weights, tmp_path / "t", params(), toy.architecture(width=8))
    assert not (tmp_path / "t").exists()
    with pytest.raises(FileNotFoundError, match=r"nowhere.weights\.safetensors"):
        stage.main(people, tmp_path / "nowhere", tmp_path / "t", params(), toy.architecture())


def test_a_lookup_names_the_image_that_has_none(people, weights, tmp_path):
    out = tmp_path / "textures"
    stage.main(people, weights, out, params(), toy.architecture())
    # in the order asked for, whatever the table's
    assert texture_table.find(out, ["images/train/103_1.png", "images/train/101_0.png"]) == [
        "images/train/103_1.png",
        "images/train/101_0.png",
    ]
    with pytest.raises(ValueError, match=r"no texture for images/new\.png \(1 images"):
        texture_table.find(out, ["images/train/101_0.png", "images/new.png"])
    with pytest.raises(FileNotFoundError, match="generate_textures"):
        texture_table.find(tmp_path, ["images/train/101_0.png"])
