"""The strong baseline's step: its losses at the right places, its schedule, an exact resume."""

import functools
import math

import pytest
import torch

from sanreid.data import tensors
from sanreid.models.strong import Strong
from sanreid.params import validate
from sanreid.training import reid, strong
from tests.stages import toy_san as toy
from tests.stages import toy_systems
from tests.training import resume

LOSSES = {"id": 1.0, "triplet": 1.0, "label_smoothing": 0.1, "margin": 0.3}
SECTION = {**toy_systems.RECIPE, "network": toy_systems.NETWORK, "people": 3, "images": 2, "losses": LOSSES}


def recipe(**changes) -> strong.Recipe:
    return validate({**SECTION, **changes}, strong.Recipe, "train_strong")


def people() -> reid.People:
    random = torch.Generator().manual_seed(2)
    images = torch.randint(0, 256, (12, 3, 32, 16), generator=random, dtype=torch.uint8)
    return reid.People(images, torch.arange(12) // 4, 3)


def step(seed=0, **changes) -> strong.Step:
    torch.manual_seed(seed)
    r = recipe(**changes)
    return strong.Step(Strong(r.network, 3), people(), r)


def by_hand(out, labels, smoothing=0.1, margin=0.3) -> dict[str, float]:
    """Both losses in plain loops: the ID loss of the logits, the triplet loss of the feature before the neck."""
    identity = hinge = 0.0
    pooled = out.pooled.tolist()
    for i, logits in enumerate(out.logits.tolist()):
        total = math.log(sum(math.exp(x) for x in logits))
        wanted = [smoothing / 3 + (1 - smoothing) * (c == labels[i]) for c in range(3)]
        identity += sum(w * (total - x) for w, x in zip(wanted, logits, strict=True)) / len(labels)
        apart = [math.dist(pooled[i], other) for other in pooled]
        same = max(d for d, c in zip(apart, labels, strict=True) if c == labels[i])
        other = min(d for d, c in zip(apart, labels, strict=True) if c != labels[i])
        hinge += max(0.0, margin + same - other) / len(labels)
    return {"id": identity, "triplet": hinge}


def test_losses_equal_plain_loops():
    s = step()
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    with torch.no_grad():
        out = s.model(torch.randn(6, 3, 32, 16))
    got = {name: value.item() for name, value in s.measure(out, labels).items()}
    assert got == pytest.approx(by_hand(out, labels.tolist()), rel=1e-4)


def test_one_update_is_that_of_the_summed_losses():
    ours, plain = step(augment={**toy.AUGMENT, "crop_probability": 0.0, "flip_probability": 0.0}), step()
    batch = ours.batches(0, 0)[0]
    ours.optimisations["main"].at(0, 0)
    ours.model.train()
    ours(batch, torch.Generator().manual_seed(0))
    plain.model.train()
    out = plain.model(tensors.normalise_images(plain.people.images[batch]))
    optimizer = torch.optim.Adam([p for p in plain.model.parameters() if p.requires_grad], lr=toy.OPTIMISER["lr"])
    sum(plain.measure(out, plain.people.labels[batch]).values()).backward()
    optimizer.step()
    theirs = plain.model.state_dict()
    assert all(torch.allclose(v, theirs[k], atol=1e-5) for k, v in ours.model.state_dict().items())
    assert not ours.model.neck.bias.any()  # never trained


def test_a_loss_of_weight_0_is_off_and_all_off_is_refused():
    s = step(losses={**LOSSES, "triplet": 0.0})
    assert s.terms == ("id",)
    s.model.train()
    assert list(s(s.batches(0, 0)[0], torch.Generator().manual_seed(0))) == ["id"]
    with pytest.raises(ValueError, match="all 0, so nothing would be trained"):
        step(losses={**LOSSES, "triplet": 0.0, "id": 0.0})


def test_more_people_than_there_are_is_refused_by_the_keys_name():
    with pytest.raises(ValueError, match=r"train_strong\.people: 4 persons"):
        step(people=4)


@pytest.mark.usefixtures("own_folders")
def test_a_killed_run_ends_as_the_unbroken_one(monkeypatch):
    resume.check_every_epoch(functools.partial(step, epochs=3), 3, monkeypatch)
