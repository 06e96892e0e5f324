"""Stage train_mnist_classifier on toy digits: what it writes, that it learns, TensorBoard's scalars."""

import json

import pandas as pd
import pytest

from sanreid.data import digits
from sanreid.params import validate
from sanreid.training import digit_classifier
from stages import train_mnist_classifier as stage
from tests.data import toy_digits
from tests.training.test_digit_classifier import SECTION

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture
def folder(tmp_path):
    return toy_digits.write(tmp_path / "mnist")


def train(folder, out, model="perceptron", **changes):
    stage.main(folder, model, out, validate({**SECTION, **changes}, stage.Params, digit_classifier.SECTION))
    return out


def test_a_classifier_is_trained_recorded_and_read_back(folder, tmp_path):
    out = train(folder, tmp_path / "out")
    history = pd.read_csv(out / "history.csv")
    assert history.columns.tolist() == ["epoch", "step", "lr", "loss", "accuracy", "batch_size", "test_accuracy"]
    assert history["test_accuracy"].notna().sum() == 4
    assert history["test_accuracy"].iloc[-1] > 0.9
    record = json.loads((out / "params.json").read_text())
    assert (record["name"], record["model"]) == ("perceptron", SECTION["models"]["perceptron"])
    trained, everything = digit_classifier.load(out), digits.read(folder)
    told = digit_classifier.predict(trained.model, everything.images[everything.tested])
    right = (told == everything.labels[everything.tested]).float().mean()
    assert right.item() == pytest.approx(history["test_accuracy"].iloc[-1])
    assert (trained.parameters, trained.epochs) == (784 * 16 + 16 + 160 + 10, 4)


def test_tensorboard_has_loss_accuracy_rate_and_batch(folder, tmp_path, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("SANREID_RUNS", str(tmp_path / "runs"))
    train(folder, tmp_path / "models" / "classifiers" / "perceptron")
    board = EventAccumulator(str(tmp_path / "runs" / "models" / "classifiers" / "perceptron"))
    board.Reload()
    assert {"loss", "accuracy", "lr", "batch_size", "test_accuracy"} <= set(board.Tags()["scalars"])
    assert {round(e.value, 6) for e in board.Scalars("lr")} == {0.02}
    assert len(board.Scalars("loss")) == 4 * 5


def test_what_is_wrong_is_named(folder, tmp_path):
    with pytest.raises(ValueError, match=r"mnist\.models: no 'lenet'"):
        train(folder, tmp_path / "out", "lenet")
    with pytest.raises(ValueError, match=r"train_mnist_classifier\.batch: 99 is more than the 80"):
        train(folder, tmp_path / "out", batch=99)
    assert not (tmp_path / "out").exists()
    with pytest.raises(FileNotFoundError, match="name a folder of train_mnist_classifier"):
        digit_classifier.load(tmp_path / "out")
    (tmp_path / "params.json").write_text('{"system": "strong"}')
    with pytest.raises(ValueError, match="no classifier of digits"):
        digit_classifier.load(tmp_path)
