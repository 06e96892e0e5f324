"""The Siamese step: its loss against plain loops, its batches, an exact resume, embeddings of a network on the disk."""

import functools
import math

import numpy as np
import pytest
import torch

from sanreid.data import digits
from sanreid.models.siamese import Siamese
from sanreid.params import validate
from sanreid.training import siamese
from tests.data import toy_digits
from tests.stages import toy_san
from tests.training import resume

SECTION = {
    "seed": 0,
    "divisions": {"seed": 0, "held_out": 0.25},
    "invented": {"turns": [], "halves": 0},
    "epochs": 2,
    "sampling": "batch_hard",
    "batches": {"triplets": 4, "people": 3, "images": 2},
    "loss": {"distance": "cosine", "margin": 0.3},
    "network": {"channels": [4, 8], "kernel": 3, "pooled": 2, "dropout": 0.1, "embedding": 5},
    "optimiser": toy_san.OPTIMISER,
    "compute": {"precision": "float32", "compile": False, "deterministic": True},
}


def recipe(**changes) -> siamese.Recipe:
    return validate({**SECTION, **changes}, siamese.Recipe, siamese.SECTION)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    return digits.read(toy_digits.write(tmp_path_factory.mktemp("digits")))


def step(everything, seed=0, **changes) -> siamese.Step:
    torch.manual_seed(seed)
    p = recipe(**changes)
    return siamese.Step(Siamese(p.network), everything.at(digits.rows(everything, "d0", 0, 0.25).train), p)


def apart(a, b, distance):
    if distance == "euclidean":
        return math.dist(a, b) ** 2
    return 1 - sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
@pytest.mark.parametrize("sampling", ["random", "batch_hard"])
def test_the_loss_equals_plain_loops(everything, distance, sampling):
    s = step(everything, sampling=sampling, loss={"distance": distance, "margin": 0.4})
    labels = torch.tensor([0, 1, 0, 1, 2, 2])
    with torch.no_grad():
        out = s.show(s.images[:6])
    f = out.embedding.tolist()
    if sampling == "random":
        triples = [(i, i + 2, i + 4) for i in range(2)]
        each = [0.4 + apart(f[a], f[p], distance) - apart(f[a], f[n], distance) for a, p, n in triples]
    else:
        each = []
        for i in range(6):
            same = [apart(f[i], f[j], distance) for j in range(6) if labels[i] == labels[j] and i != j]
            other = [apart(f[i], f[j], distance) for j in range(6) if labels[i] != labels[j]]
            each.append(0.4 + max(same) - min(other))
    expected = sum(max(0.0, x) for x in each) / len(each)
    assert s.measure(out, labels)["loss"].item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("sampling", "size"), [("random", 12), ("batch_hard", 6)])
def test_batches_are_the_samplings_and_of_the_divisions_digits(everything, sampling, size):
    s = step(everything, sampling=sampling)
    drawn = s.batches(0, 0)
    assert {len(b) for b in drawn} == {size}
    assert set(s.labels[torch.cat(drawn)].tolist()) <= set(digits.divide("d0", 0).train)


def test_invented_classes_are_trained_on_too_in_the_batches_of_a_seed(everything):
    s = step(everything, invented={"turns": [180], "halves": 3}, batches={**SECTION["batches"], "people": 10})
    train = digits.divide("d0", 0).train
    assert len(s.labels.unique()) == 2 * len(train) + len(train) * (len(train) - 1)
    assert any((s.labels[batch] >= 10).any() for batch in s.batches(0, 0))


def test_a_step_moves_the_weights(everything):
    s = step(everything)
    before = s.model.fc.weight.clone()
    s.optimisations["main"].at(0, 0)
    terms = s(s.batches(0, 0)[0], torch.Generator())
    assert set(terms) == {"loss"}
    assert not torch.equal(before, s.model.fc.weight)


def test_more_digits_a_batch_than_the_division_has_are_named(everything):
    with pytest.raises(ValueError, match=r"train_mnist_siamese\.batches\.people: 5 persons"):
        step(everything, batches={**SECTION["batches"], "people": 5})


@pytest.mark.usefixtures("own_folders")
@pytest.mark.parametrize("sampling", ["random", "batch_hard"])
def test_a_killed_run_ends_as_the_unbroken_one(everything, sampling, monkeypatch):
    make = functools.partial(step, everything, sampling=sampling, epochs=3)
    resume.check_every_epoch(make, 3, monkeypatch)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_embeddings_are_the_networks_in_order_and_unit_where_length_does_not_count(everything, distance):
    p = recipe(loss={"distance": distance, "margin": 0.3})
    torch.manual_seed(5)
    trained = siamese.Trained(Siamese(p.network), p, "seen")
    got = siamese.embed(trained, everything.images[:7], batch=3)
    with torch.no_grad():
        plain = torch.cat([trained.model.eval()(digits.normalise(i[None])).embedding for i in everything.images[:7]])
    if distance == "cosine":
        plain = plain / plain.square().sum(1, keepdim=True).sqrt()
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, plain.numpy(), atol=1e-5)
