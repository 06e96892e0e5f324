"""Stage sweep_mnist: a cell is the training that its name says, and one that diverges is a result."""

import json

import pandas as pd
import pytest

from sanreid.params import validate
from stages import sweep_mnist as stage
from stages import train_mnist_classifier
from tests.data import toy_digits
from tests.training.test_digit_classifier import SECTION

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture
def folder(tmp_path):
    return toy_digits.write(tmp_path / "mnist")


def plan(**changes) -> train_mnist_classifier.Params:
    return validate({**SECTION, **changes}, train_mnist_classifier.Params, "train_mnist_classifier")


def sweep(folder, out, cell, model="perceptron", **changes):
    stage.main(folder, cell, out, validate({"model": model, "epochs": 3}, stage.Params, "sweep_mnist"), plan(**changes))
    return json.loads((out / "metrics.json").read_text())


def test_a_cell_is_the_training_of_its_name(folder, tmp_path):
    metrics = sweep(folder, tmp_path / "cell", "lr0.05_wd0.01_b20")
    models = {"perceptron": SECTION["models"]["perceptron"] | {"epochs": 3}}
    sgd = {"lr": 0.05, "weight_decay": 0.01, "momentum": 0.9}
    train_mnist_classifier.main(folder, "perceptron", tmp_path / "plain", plan(models=models, batch=20, optimiser=sgd))
    plain = (tmp_path / "plain" / "history.csv").read_bytes()
    assert (tmp_path / "cell" / "history.csv").read_bytes() == plain
    assert metrics["accuracy"] == pd.read_csv(tmp_path / "plain" / "history.csv")["test_accuracy"].iloc[-1]
    assert (metrics["diverged"], metrics["tested"], metrics["trained"]) == (None, 40, 80)
    assert metrics["recipe"]["optimiser"] == sgd
    assert json.loads((tmp_path / "cell" / "training.json").read_text())["epochs"] == 3


def test_what_diverges_gives_one_digit_and_says_so(folder, tmp_path):
    metrics = sweep(folder, tmp_path / "cell", "lr1e9_wd0.1_b16".replace("1e9", "1000000000.0"))
    assert "loss" in metrics["diverged"]
    assert metrics["accuracy"] == 0.1
    assert (tmp_path / "cell" / "history.csv").is_file()


@pytest.mark.parametrize(
    ("cell", "model", "named"),
    [
        ("lr0.1_b64", "perceptron", r"mnist\.cells: 'lr0\.1_b64' is no cell"),
        ("lr0.1_wd0.1_b64", "lenet", r"sweep_mnist\.model: no 'lenet' under train_mnist_classifier\.models"),
        ("lr0.1_wd0.1_b99", "perceptron", r"mnist\.cells: 'lr0\.1_wd0\.1_b99': batch: 99 is more than the 80"),
    ],
)
def test_what_is_wrong_is_named(folder, tmp_path, cell, model, named):
    with pytest.raises(ValueError, match=named):
        sweep(folder, tmp_path / "out", cell, model)
    assert not (tmp_path / "out").exists()
