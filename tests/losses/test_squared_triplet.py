"""The triplet losses on squared distances against plain loops."""

import pytest
import torch

from sanreid.losses import squared_triplet


def squared(a: list[float], b: list[float]) -> float:
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("margin", [0.0, 1.0, 10.0])
def test_drawn_triplets_equal_plain_loops(margin):
    torch.manual_seed(1)
    triples = torch.randn(3, 7, 4)
    rows = zip(*triples.tolist(), strict=True)
    expected = sum(max(0.0, margin + squared(a, p) - squared(a, n)) for a, p, n in rows) / 7
    assert squared_triplet.drawn(*triples, margin).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("margin", [0.0, 1.0, 10.0])
def test_batch_hard_equals_plain_loops(margin):
    torch.manual_seed(2)
    features, pids = torch.randn(9, 4), [5, 2, 5, 2, 2, 9, 5, 2, 9]
    total = 0.0
    for i, a in enumerate(features.tolist()):
        apart = [squared(a, b) for b in features.tolist()]
        same = max(d for d, p in zip(apart, pids, strict=True) if p == pids[i])
        other = min(d for d, p in zip(apart, pids, strict=True) if p != pids[i])
        total += max(0.0, margin + same - other) / 9
    assert squared_triplet.batch_hard(features, torch.tensor(pids), margin).item() == pytest.approx(total, rel=1e-5)


def test_a_known_value_and_its_gradient():
    anchor, positive, negative = (torch.tensor([[x, 0.0]], requires_grad=True) for x in (0.0, 1.0, 3.0))
    value = squared_triplet.drawn(anchor, positive, negative, 10.0)
    assert value.item() == pytest.approx(10 + 1 - 9)
    gradients = torch.autograd.grad(value, [positive, negative])
    assert [g[0, 0].item() for g in gradients] == pytest.approx([2.0, -6.0])  # twice the difference, not its sign


def test_coinciding_features_have_finite_gradients():
    features = torch.ones(4, 3, requires_grad=True)
    value = squared_triplet.batch_hard(features, torch.tensor([0, 0, 1, 1]), 10.0)
    (gradient,) = torch.autograd.grad(value, features)
    assert value.item() == pytest.approx(10.0)
    assert gradient.isfinite().all()
