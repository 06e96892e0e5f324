"""Stage evaluate_mnist_classifiers: what its table says is what the networks tell."""

import pandas as pd
import pytest

from sanreid.params import validate
from sanreid.reporting.digits.classifiers import Runs
from stages import evaluate_mnist_classifiers as stage
from stages import train_mnist_classifier
from tests.data import toy_digits
from tests.training.test_digit_classifier import SECTION

pytestmark = pytest.mark.usefixtures("own_folders")
PARAMS = {"published": {"theirs": 99.47}}


def runs(*models) -> Runs:
    return validate({"models": models, "cells": [], "grids": [], "divisions": []}, Runs, "mnist")


@pytest.fixture
def folders(tmp_path):
    made = toy_digits.write(tmp_path / "mnist"), tmp_path / "models"
    section = validate(SECTION, train_mnist_classifier.Params, "train_mnist_classifier")
    for name in SECTION["models"]:
        train_mnist_classifier.main(made[0], name, made[1] / name, section)
    return made


def test_accuracies_are_those_of_training_and_published_ones_are_marked(folders, tmp_path, capsys):
    out = tmp_path / "out"
    names = list(SECTION["models"])
    stage.main(*folders, out, validate(PARAMS, stage.Params, "p"), runs(*names))
    table = pd.read_csv(out / "table.csv").set_index("model")
    for name in names:
        history = pd.read_csv(folders[1] / name / "history.csv")
        assert table.loc[name, "accuracy"] == pytest.approx(history["test_accuracy"].iloc[-1])
        assert table.loc[name, "low"] < table.loc[name, "accuracy"] <= table.loc[name, "high"]
    text = (out / "table.md").read_text()
    assert text == capsys.readouterr().out
    assert "| *theirs (published)* | 99.47 |" in text
    assert "80 training digits, tested on 40" in text
    drawing = (out / "confusion.svg").read_text()
    assert drawing.count("40 images, true") == 2
    page = (out / "index.html").read_text()
    assert drawing in page
    assert all(f"{100 * table.loc[name, 'accuracy']:.1f}</td>" in page for name in names)
    assert '<tr class="floor"><th>theirs</th><td class="n">99.47</td>' in page


def test_a_model_that_is_not_there_is_named(folders, tmp_path):
    with pytest.raises(FileNotFoundError, match="lenet"):
        stage.main(*folders, tmp_path / "out", validate(PARAMS, stage.Params, "p"), runs("perceptron", "lenet"))
    assert not (tmp_path / "out").exists()
