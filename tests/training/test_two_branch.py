"""The two-branch step: its losses against plain loops, its variants, when it stops, an exact resume."""

import functools
import math

import pytest
import torch

from sanreid.models.two_branch import TwoBranch
from sanreid.params import validate
from sanreid.training import loop, reid, two_branch
from tests.stages import toy_systems
from tests.training import resume
from tests.training.test_strong import people

VARIANTS = {
    "two_branch": {"sampling": "random", "margin": 10.0, "id_loss": True},
    "no_id": {"sampling": "random", "margin": 10.0, "id_loss": False},
    "hard": {"sampling": "batch_hard", "margin": 1.0, "id_loss": True},
}
SECTION = {
    **toy_systems.RECIPE,
    "network": toy_systems.NETWORK,
    "weight": 0.5,
    "label_smoothing": 0.0,
    "batches": {"triplets": 4, "people": 3, "images": 2},
    "validation": {"share": 0.3, "patience": 2},
    "variants": VARIANTS,
}


def plan(**changes) -> two_branch.Plan:
    return validate({**SECTION, **changes}, two_branch.Plan, "train_two_branch")


def step(seed=0, variant="two_branch", measure=lambda model: 0.5, **changes) -> two_branch.Step:
    torch.manual_seed(seed)
    p = plan(**changes)
    recipe = two_branch.Recipe(**{k: getattr(p, k) for k in two_branch.Recipe.model_fields})
    return two_branch.Step(TwoBranch(p.network, 3), people(), recipe, p.variant(variant), measure)


def plain(branch, labels, margin):
    """Triplet and ID loss of a branch in loops; a batch of 6 is 2 anchors, 2 positives, 2 negatives."""
    f = branch.feature.tolist()
    apart = [[math.dist(a, b) ** 2 for b in f] for a in f]
    hinge = sum(max(0.0, margin + apart[i][i + 2] - apart[i][i + 4]) for i in range(2)) / 2
    rows = zip(branch.logits.tolist(), labels, strict=True)
    return hinge, sum(math.log(sum(map(math.exp, row))) - row[label] for row, label in rows) / 6


def test_losses_equal_plain_loops():
    s, labels = step(), torch.tensor([0, 1, 0, 1, 2, 2])
    with torch.no_grad():
        out = s.model(torch.randn(6, 3, 32, 16))
    got = {name: value.item() for name, value in s.measure(out, labels).items()}
    for name, branch in (("average", out.average), ("max", out.max)):
        hinge, identity = plain(branch, labels.tolist(), 10.0)
        assert got[f"triplet_{name}"] == pytest.approx(hinge, rel=1e-4)
        assert got[f"id_{name}"] == pytest.approx(identity, rel=1e-4)
    assert s.weights == dict.fromkeys(got, 0.5)


def test_the_ablation_has_no_id_loss_and_trains_no_classifier():
    s = step(variant="no_id")
    assert s.terms == ("triplet_average", "triplet_max")
    before = s.model.classifier_max.weight.clone()
    s.model.train()
    s.optimisations["main"].at(0, 0)
    s(s.batches(0, 0)[0], torch.Generator().manual_seed(0))
    assert torch.equal(before, s.model.classifier_max.weight)


@pytest.mark.parametrize(("variant", "size"), [("two_branch", 12), ("hard", 6)])
def test_batches_are_the_samplings(variant, size):
    assert {len(b) for b in step(variant=variant).batches(0, 0)} == {size}


def test_training_stops_where_held_out_people_gain_no_more(own_folders):
    values = iter([0.3, 0.6, 0.5, 0.6, 0.9])
    kept = {}

    def measure(model):
        value = next(values)
        kept[value] = {k: v.clone() for k, v in model.state_dict().items()}
        return value

    s = step(measure=measure, epochs=5)
    stop = loop.EarlyStop(two_branch.VALIDATION, 2, "greater")
    loop.fit(s, epochs=5, seed=0, run="stopped", name="toy", stop=stop)
    assert (stop.best_epoch, stop.last_epoch) == (2, 4)
    assert next(values) == 0.9  # the fifth epoch never was


def test_an_unknown_variant_and_impossible_batches_are_named():
    with pytest.raises(ValueError, match=r"train_two_branch\.variants: no 'three'; there are two_branch, no_id, hard"):
        step(variant="three")
    with pytest.raises(ValueError, match=r"train_two_branch\.batches\.people: 4 persons"):
        step(variant="hard", batches={**SECTION["batches"], "people": 4})


@pytest.mark.usefixtures("own_folders")
@pytest.mark.parametrize("variant", ["two_branch", "hard"])
def test_a_killed_run_ends_as_the_unbroken_one(variant, monkeypatch):
    make = functools.partial(step, variant=variant, epochs=3)
    assert isinstance(make(), reid.Step)
    resume.check_every_epoch(make, 3, monkeypatch)
