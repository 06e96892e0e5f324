"""The two-head step: L = triplet + 2 x cross entropy, each on its head; an exact resume."""

import functools
import math

import pytest
import torch

from sanreid.losses import triplet
from sanreid.models.two_head import TwoHead
from sanreid.params import validate
from sanreid.training import two_head
from tests.models.test_two_head import NETWORK
from tests.stages import toy_systems
from tests.training import resume
from tests.training.test_strong import people

SECTION = {
    **toy_systems.RECIPE,
    "network": NETWORK,
    "sampling": "batch_hard",
    "batches": {"triplets": 4, "people": 3, "images": 2},
    "losses": {"triplet": 1.0, "id": 2.0, "margin": 0.3, "squared": False, "label_smoothing": 0.0},
}


def step(seed=0, **changes) -> two_head.Step:
    torch.manual_seed(seed)
    recipe = validate({**SECTION, **changes}, two_head.Recipe, "train_two_head")
    return two_head.Step(TwoHead(recipe.network, 3), people(), recipe)


@pytest.mark.parametrize("crossed", [True, False])
def test_each_loss_is_on_its_head(crossed):
    s, labels = step(network={**NETWORK, "crossed": crossed}), torch.tensor([0, 0, 1, 1, 2, 2])
    with torch.no_grad():
        images = torch.randn(6, 3, 32, 16)
        out, pooled = s.model(images), s.model.encoder(images).l4.mean((2, 3))
        hinged, classed = (s.model.id, s.model.metric) if crossed else (s.model.metric, s.model.id)
        got = {name: value.item() for name, value in s.measure(s.model(images), labels).items()}
        assert got["triplet"] == pytest.approx(triplet.batch_hard(hinged(pooled), labels, 0.3).item(), rel=1e-4)
        rows = classed(pooled).tolist()
    identity = [math.log(sum(map(math.exp, r))) - r[c] for r, c in zip(rows, labels.tolist(), strict=True)]
    assert got["id"] == pytest.approx(sum(identity) / 6, rel=1e-4)
    assert out.triplet.shape == (6, 3)
    assert s.weights == {"triplet": 1.0, "id": 2.0}


def test_drawn_triplets_too():
    s = step(sampling="random")
    assert {len(b) for b in s.batches(0, 0)} == {12}
    s.model.train()
    s.optimisations["main"].at(0, 0)
    terms = s(s.batches(0, 0)[0], torch.Generator().manual_seed(0))
    assert all(value.isfinite() for value in terms.values())


@pytest.mark.usefixtures("own_folders")
def test_a_killed_run_ends_as_the_unbroken_one(monkeypatch):
    resume.check_every_epoch(functools.partial(step, epochs=3), 3, monkeypatch)
