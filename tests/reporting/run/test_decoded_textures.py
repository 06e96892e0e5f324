"""A variant's own textures against the true ones: recomputed by hand, and None where nothing can be measured."""

import shutil

import numpy as np
import pytest
import torch

from sanreid.data import images, index, tensors
from sanreid.models.san import SAN
from sanreid.reporting.run import decoded_textures
from sanreid.training import checkpoint
from tests.stages import toy_san as toy


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def people(tmp_path):
    """Two people to train on and three to test, all but the last with a true texture; half of the texels exist."""
    folder = toy.write_people(tmp_path / "people", train=2, test=3)
    for name in ("textures", "visibility"):
        (folder / "truth" / name).mkdir(parents=True)
    for person in range(100, 104):
        images.write_rgb(folder / f"truth/textures/{person}.png", toy.texture(person))
    coverage = np.zeros((toy.SIDE, toy.SIDE), np.uint8)
    coverage[:, : toy.SIDE // 2] = 255
    images.write_rgb(folder / "truth/coverage.png", coverage)
    for path in index.read(folder)["path"]:
        seen = np.zeros((toy.SIDE, toy.SIDE), np.uint8)
        seen[: toy.SIDE // 4] = 255
        images.write_rgb(folder / "truth/visibility" / path.split("/")[-1], seen)
    return folder


def write_model(folder, decoder=True, **settings):
    torch.manual_seed(0)
    folder.mkdir()
    (folder.parent / "history.csv").write_text("epoch,step\n")
    net = SAN(toy.architecture(), people=2, decoder=decoder)
    torch.nn.init.normal_(net.encoder.conv1.weight)  # pictures matter from the start
    saved = {"variant": "v", "architecture": toy.architecture(), "settings": settings}
    checkpoint.save_model(folder, net, saved, folder.parent / "history.csv")
    return folder


def measure(people, model, batch=2):
    rows = index.read(people)
    rows = rows[rows["split"].isin(["query", "gallery"])].reset_index(drop=True)
    decoded = tensors.decode(people, rows["path"].tolist(), (toy.HEIGHT, toy.WIDTH))
    return decoded_textures.measure(people, rows, decoded, model, toy.architecture(), batch)


def test_scores_are_those_of_the_query_images_with_a_true_texture(people, tmp_path):
    model = write_model(tmp_path / "model")
    net = SAN(toy.architecture(), people=2)
    checkpoint.load_into(net, model / checkpoint.WEIGHTS, strict=True)
    net.eval()
    wanted = {"l1": [], "l1_visible": [], "l1_hidden": []}
    for row in index.read(people).itertuples():
        if row.split != "query" or row.pid == 104:
            continue
        picture = torch.from_numpy(images.read_rgb(people / row.path)).permute(2, 0, 1)[None]
        with torch.no_grad():
            texture = net.reconstruct(tensors.normalise_images(picture)).texture[0]
        bytes_ = np.rint((np.clip(texture.permute(1, 2, 0).numpy(), -1, 1) + 1) * 127.5)
        error = np.abs(bytes_ - toy.texture(row.pid).astype(float)) / 255
        half, quarter = toy.SIDE // 2, toy.SIDE // 4
        wanted["l1"].append(error[:, :half].mean())
        wanted["l1_visible"].append(error[:quarter, :half].mean())
        wanted["l1_hidden"].append(error[quarter:, :half].mean())
    assert len(wanted["l1"]) == 2
    found = measure(people, model)
    assert found == pytest.approx({name: np.mean(values) for name, values in wanted.items()}, abs=1e-4)
    assert measure(people, model, batch=5) == pytest.approx(found, abs=1e-4)


def test_unknown_visibility_is_none_and_not_nothing(people, tmp_path):
    shutil.rmtree(people / "truth/visibility")
    found = measure(people, write_model(tmp_path / "model"))
    assert 0 < found["l1"] < 1
    assert (found["l1_visible"], found["l1_hidden"]) == (None, None)


@pytest.mark.parametrize(
    ("decoder", "settings", "painted"),
    [
        (True, {}, True),  # trained before there was a key
        (True, {"reconstruct": "texture"}, True),
        (True, {"reconstruct": "shared_texture"}, True),
        (True, {"reconstruct": "input"}, False),
        (True, {"reconstruct": "frontal"}, False),
        (False, {"reconstruct": "nothing"}, False),
    ],
)
def test_only_a_decoder_of_textures_is_measured(people, tmp_path, decoder, settings, painted):
    model = write_model(tmp_path / "model", decoder, **settings)
    assert decoded_textures.paints(model) == painted
    assert (measure(people, model) is not None) == painted


def test_a_set_without_truth_or_with_that_of_others_has_none(people, tmp_path):
    model = write_model(tmp_path / "model")
    for person in (102, 103):  # the queries'
        (people / f"truth/textures/{person}.png").unlink()
    assert measure(people, model) is None
    shutil.rmtree(people / "truth")
    assert measure(people, model) is None
