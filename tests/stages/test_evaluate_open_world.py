"""Stage evaluate_open_world on toy digits: whose images are the stream, what it writes, what it refuses."""

import json

import numpy as np
import pytest
import torch

from sanreid.data import digits
from sanreid.evaluation.open_world import protocol, record
from sanreid.params import validate
from sanreid.training import siamese
from stages import evaluate_open_world as stage
from tests.data import toy_digits
from tests.stages.test_train_mnist_siamese import train
from tests.stages.toy_streams import PROTOCOL

pytestmark = pytest.mark.usefixtures("own_folders")


NONE = {"turns": [], "halves": 0}


def section(**changes):
    return validate(
        {**PROTOCOL, "batch": 16, "components": 6, "invented": NONE, **changes}, stage.Params, "evaluate_open_world"
    )


@pytest.fixture
def mnist(tmp_path):
    return toy_digits.write(tmp_path / "mnist")


def test_digits_never_trained_on_are_the_stream(tmp_path, mnist):
    model = train(mnist, tmp_path / "model", "d0")
    stage.main(mnist, model, tmp_path / "out", section())
    found = record.load(tmp_path / "out/embedding")
    division = digits.divide("d0", 0)
    assert set(found.stream["class"]) == set(division.find)
    assert len(found.stream) == 4 * (toy_digits.TRAIN + toy_digits.TEST)
    for path, digit in zip(found.stream["path"], found.stream["class"], strict=True):
        assert path.split("/")[2] == str(digit)
    trained, everything = siamese.load(model), digits.read(mnist)
    embedded = siamese.embed(trained, everything.at(trained.rows(everything).find).images)
    np.testing.assert_allclose(found.features, embedded, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found.features, axis=1), 1, atol=1e-5)
    pixels = record.load(tmp_path / "out/pixels")
    assert pixels.features.shape == (len(found.stream), 6)
    assert pixels.stream["path"].tolist() == found.stream["path"].tolist()
    assert found.sequences.keys() == {"barycentre", "density"}
    assert len(found.runs) == 6 * 2 * 3 * 2 * 3 + 3 * (3 + 1)
    stage.main(mnist, model, tmp_path / "short", section(longest=12))
    short = record.load(tmp_path / "short/embedding")
    assert short.stream["class"].value_counts().tolist() == [3] * 4
    both = short.stream.merge(found.stream.reset_index(), on="path", validate="1:1")
    np.testing.assert_array_equal(short.features, found.features[both["index"]])


def test_invented_classes_calibrate_unless_the_streams_own_do(mnist):
    everything = digits.read(mnist)
    p = section(invented={"turns": [90, 180], "halves": 2})
    for name, classes in (("d0", 2 * 3 + 2), ("seen", 10)):
        rows = digits.rows(everything, name, 0, 0.25)
        known = stage.calibrating(everything.at(rows.calibrate), everything.at(rows.find), p)
        assert len(known.labels.unique()) == classes


def test_components_are_those_of_the_images_fitted():
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (9, 1, 2, 3), dtype=np.uint8))
    found = np.concatenate(stage.components(images[:5], [images[:4], images[4:]], 3))
    pixels = images.numpy().reshape(9, 6) / 255.0
    centred = pixels - pixels[:5].mean(0)
    axes = np.linalg.svd(centred[:5])[2][:3]
    np.testing.assert_allclose(np.abs(found), np.abs(centred @ axes.T), atol=1e-5)


def test_metrics_are_the_shown_rules_means(tmp_path, mnist):
    stage.main(mnist, train(mnist, tmp_path / "model", "seen"), tmp_path / "out", section())
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    assert metrics["division"] == "seen"
    runs = record.load(tmp_path / "out/embedding").runs
    for size in (10, 40):
        mine = runs[(runs["rule"] == "tuned") & (runs["link"] == "density") & (runs["size"] == size)]
        mine = mine[mine["remedy"] == protocol.REMEDIES[-1]]
        told = metrics["embedding"][f"{size}_images"]
        assert told["accuracy"] == pytest.approx(mine["accuracy"].mean())
        assert told["found"] == pytest.approx(mine["found"].mean())


def test_the_same_seed_gives_the_same_files(tmp_path, mnist):
    model = train(mnist, tmp_path / "model", "d3")
    for name in ("a", "b"):
        stage.main(mnist, model, tmp_path / name, section())
    for file in ("metrics.json", "embedding/runs.csv", "embedding/features.npy"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_nothing_is_written_where_something_is_wrong(tmp_path, mnist):
    with pytest.raises(FileNotFoundError, match="name a folder of train_mnist_siamese"):
        stage.main(mnist, tmp_path / "none", tmp_path / "out", section())
    model = train(mnist, tmp_path / "model", "d0")
    with pytest.raises(ValueError, match=r"shown\.rule: .*'best' is no rule"):
        stage.main(mnist, model, tmp_path / "out", section(shown={"rule": "best", "link": "density"}))
    assert not (tmp_path / "out").exists()
