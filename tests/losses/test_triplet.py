"""Batch-hard triplet loss against plain loops."""

import math

import pytest
import torch

from sanreid.losses import triplet


def loop(features: list[list[float]], pids: list[int], margin: float) -> float:
    total = 0.0
    for i, a in enumerate(features):
        distances = [math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True))) for b in features]
        farthest = max(d for d, p in zip(distances, pids, strict=True) if p == pids[i])
        nearest = min(d for d, p in zip(distances, pids, strict=True) if p != pids[i])
        total += max(0.0, margin + farthest - nearest)
    return total / len(features)


@pytest.mark.parametrize("margin", [0.0, 0.3, 5.0])
@pytest.mark.parametrize("pids", [[3, 3, 3, 8, 8, 8, 1, 1, 1], [5, 2, 5, 2, 2, 9, 5, 2, 4]])
def test_equals_plain_loops(margin, pids):
    torch.manual_seed(1)
    features = torch.randn(9, 4)
    got = triplet.batch_hard(features, torch.tensor(pids), margin)
    assert got.item() == pytest.approx(loop(features.tolist(), pids, margin), rel=1e-5)


def test_a_known_value():
    features = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 0.0], [6.0, 1.0]])
    # farthest same 5, 5, 1, 1; nearest other 6, sqrt(18), 5, sqrt(18): the second anchor alone violates
    expected = (0.3 + 5 - 18**0.5) / 4
    assert triplet.batch_hard(features, torch.tensor([0, 0, 1, 1]), 0.3).item() == pytest.approx(expected)


def test_coinciding_features_give_the_margin_and_finite_gradients():
    """The square root has an infinite slope at 0: a plain one turns the whole network to NaN."""
    features = torch.ones(4, 6, requires_grad=True)
    value = triplet.batch_hard(features, torch.tensor([0, 0, 1, 1]), 0.3)
    (gradient,) = torch.autograd.grad(value, features)
    assert value.item() == pytest.approx(0.3)
    assert gradient.isfinite().all()


def test_close_features_far_from_the_origin_keep_their_distance():
    """The Gram matrix loses it, as torch's own shortcut above 25 rows would: 1e-3 apart at a norm of 100."""
    features = torch.full((40, 100), 10.0)
    features[1:3, 0] += torch.tensor([1e-3, 5e-4])
    pids = torch.tensor([0, 0, 1] + [2] * 37)
    loss = triplet.batch_hard(features, pids, 0.0)
    expected = loop(features.double().tolist(), pids.tolist(), 0.0)
    assert loss.item() == pytest.approx(expected, rel=1e-2)
    assert expected > 1e-6


def test_gradients_pull_the_positive_and_push_the_negative():
    features = torch.tensor([[0.0], [1.0], [1.2], [9.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(triplet.batch_hard(features, torch.tensor([0, 0, 1, 1]), 0.3), features)
    assert gradient[1] > 0  # the step moves it down, to its own person
    assert gradient[3] > 0


def test_one_person_has_no_negative():
    with pytest.raises(ValueError, match="all 4 images of the batch are of one person"):
        triplet.batch_hard(torch.randn(4, 3), torch.zeros(4, dtype=torch.long), 0.3)


def test_the_hardest_samples_are_those_of_plain_loops():
    torch.manual_seed(2)
    features, pids = torch.randn(9, 4), [5, 2, 5, 2, 2, 9, 5, 2, 9]
    positives, negatives = triplet.hardest(triplet.pairwise(features), torch.tensor(pids))
    for i in range(9):
        away = [torch.dist(features[i], f).item() for f in features]
        assert pids[positives[i]] == pids[i]
        assert pids[negatives[i]] != pids[i]
        assert away[positives[i]] == max(d for d, p in zip(away, pids, strict=True) if p == pids[i])
        assert away[negatives[i]] == min(d for d, p in zip(away, pids, strict=True) if p != pids[i])
    with pytest.raises(ValueError, match="of one person"):
        triplet.hardest(torch.ones(2, 2), torch.zeros(2))
