"""The classifiers' step: its terms against plain loops, what is tested, an exact resume."""

import functools
import math

import pytest
import torch

from sanreid.data import digits
from sanreid.models import digit_classifiers
from sanreid.params import validate
from sanreid.training import digit_classifier
from tests.data import toy_digits
from tests.training import resume

COMPUTE = {"precision": "float32", "compile": False, "deterministic": True}
SECTION = {
    "seed": 0,
    "batch": 16,
    "optimiser": {"lr": 0.02, "weight_decay": 0.001, "momentum": 0.9},
    "compute": COMPUTE,
    "models": {
        "perceptron": {"network": {"kind": "perceptron", "hidden": 16}, "epochs": 4},
        "resnet": {"network": {"kind": "resnet18", "side": 28, "stem": "imagenet", "width": 4}, "epochs": 2},
    },
}


def plan(**changes) -> digit_classifier.Plan:
    return validate({**SECTION, **changes}, digit_classifier.Plan, digit_classifier.SECTION)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    return digits.read(toy_digits.write(tmp_path_factory.mktemp("digits")))


def step(everything, seed=0, name="perceptron", **changes) -> digit_classifier.Step:
    torch.manual_seed(seed)
    p = plan(**changes)
    return digit_classifier.Step(digit_classifiers.build(p.model(name).network), everything, p.recipe)


def test_the_terms_equal_plain_loops(everything):
    s = step(everything)
    labels = s.labels[:20]
    with torch.no_grad():
        out = s.show(s.images[:20])
    got = {name: value.item() for name, value in s.measure(out, labels).items()}
    rows = list(zip(out.logits.tolist(), labels.tolist(), strict=True))
    assert got["loss"] == pytest.approx(sum(math.log(sum(map(math.exp, r))) - r[k] for r, k in rows) / 20, rel=1e-5)
    assert got["accuracy"] == pytest.approx(sum(max(r) == r[k] for r, k in rows) / 20)
    assert got["batch_size"] == 20


def test_training_files_train_and_test_files_test(everything):
    s = step(everything)
    assert len(s.labels) == 10 * toy_digits.TRAIN
    assert {len(b) for b in s.batches(0, 0)} == {16}
    told = digit_classifier.predict(s.model, everything.images[everything.tested])
    right = sum(a == b for a, b in zip(told.tolist(), everything.labels[everything.tested].tolist(), strict=True))
    assert s.validate() == {"test_accuracy": right / (10 * toy_digits.TEST)}


def test_a_network_of_no_numbers_says_the_first_digit(everything):
    s = step(everything)
    torch.nn.init.constant_(s.model.fc.weight, math.nan)
    assert digit_classifier.predict(s.model, everything.images).eq(0).all()
    assert s.validate() == {"test_accuracy": 0.1}


def test_what_cannot_be_is_named(everything):
    with pytest.raises(ValueError, match=r"mnist\.models: no 'resnet50' under train_mnist_classifier\.models; there"):
        plan().model("resnet50", "mnist.models")
    with pytest.raises(ValueError, match=r"batch: 81 is more than the 80 training digits"):
        step(everything, batch=81)


@pytest.mark.usefixtures("own_folders")
@pytest.mark.parametrize("name", ["perceptron", "resnet"])
def test_a_killed_run_ends_as_the_unbroken_one(everything, name, monkeypatch):
    resume.check_every_epoch(functools.partial(step, everything, name=name), 3, monkeypatch)
