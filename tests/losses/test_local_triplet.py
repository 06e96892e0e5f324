"""The local triplet loss against plain loops: on the global hard samples, and on its own."""

import pytest
import torch

from sanreid.losses import local_triplet, stripe_distance, triplet
from tests.losses import test_stripe_distance

PIDS = [5, 2, 5, 2, 2, 9, 5, 9]


def data() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(4)
    return torch.randn(8, 5), torch.randn(8, 4, 6).relu()


def distance(a: list[float], b: list[float]) -> float:
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5


def loop(mine: list[list[float]], compare: list[list[float]], margin: float) -> float:
    """The hinge on distances `compare` (N x N) of the samples that are hardest by `mine` (N x N)."""
    total = 0.0
    for i, row in enumerate(mine):
        positive = max((j for j in range(len(row)) if PIDS[j] == PIDS[i]), key=lambda j, row=row: row[j])
        negative = min((j for j in range(len(row)) if PIDS[j] != PIDS[i]), key=lambda j, row=row: row[j])
        total += max(0.0, margin + compare[i][positive] - compare[i][negative])
    return total / len(mine)


@pytest.mark.parametrize("margin", [0.0, 0.3, 5.0])
def test_global_hard_samples_and_own_ones_equal_plain_loops(margin):
    features, stripes = data()
    local = [[test_stripe_distance.loop(a, b) for b in stripes.tolist()] for a in stripes.tolist()]
    plain = [[distance(a, b) for b in features.tolist()] for a in features.tolist()]
    pids = torch.tensor(PIDS)
    samples = triplet.hardest(triplet.pairwise(features), pids)
    got = local_triplet.on_samples(stripes, samples, margin)
    assert got.item() == pytest.approx(loop(plain, local, margin), rel=1e-5)
    own = triplet.on_distances(stripe_distance.all_pairs(stripes, stripes), pids, margin)
    assert own.item() == pytest.approx(loop(local, local, margin), rel=1e-5)
    assert margin == 0 or own > got  # nothing is harder by the local distance than what it chose itself


def test_the_choice_of_samples_carries_no_gradient():
    features, stripes = data()
    features.requires_grad_()
    stripes.requires_grad_()
    samples = triplet.hardest(triplet.pairwise(features), torch.tensor(PIDS))
    loss = local_triplet.on_samples(stripes, samples, 5.0)
    to_features, to_stripes = torch.autograd.grad(loss, (features, stripes), allow_unused=True)
    assert to_features is None
    assert to_stripes.abs().sum() > 0
