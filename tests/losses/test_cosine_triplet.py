"""The triplet losses on cosine distances against plain loops."""

import math

import pytest
import torch

from sanreid.losses import cosine_triplet


def cosine(a: list[float], b: list[float]) -> float:
    return 1 - sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


@pytest.mark.parametrize("margin", [0.0, 0.3, 2.0])
def test_drawn_triplets_equal_plain_loops(margin):
    torch.manual_seed(1)
    triples = torch.randn(3, 7, 4)
    rows = zip(*triples.tolist(), strict=True)
    expected = sum(max(0.0, margin + cosine(a, p) - cosine(a, n)) for a, p, n in rows) / 7
    assert cosine_triplet.drawn(*triples, margin).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("margin", [0.0, 0.3, 2.0])
def test_batch_hard_equals_plain_loops(margin):
    torch.manual_seed(2)
    features, pids = torch.randn(9, 4), [5, 2, 5, 2, 2, 9, 5, 2, 9]
    total = 0.0
    for i, a in enumerate(features.tolist()):
        apart = [0.0 if i == j else cosine(a, b) for j, b in enumerate(features.tolist())]
        same = max(d for d, p in zip(apart, pids, strict=True) if p == pids[i])
        other = min(d for d, p in zip(apart, pids, strict=True) if p != pids[i])
        total += max(0.0, margin + same - other) / 9
    assert cosine_triplet.batch_hard(features, torch.tensor(pids), margin).item() == pytest.approx(total, rel=1e-5)


def test_length_does_not_count():
    torch.manual_seed(3)
    features, pids = torch.randn(6, 4), torch.tensor([0, 0, 1, 1, 2, 2])
    lengths = torch.tensor([1.0, 5.0, 0.2, 3.0, 9.0, 0.7])[:, None]
    plain, scaled = (cosine_triplet.batch_hard(x, pids, 0.3).item() for x in (features, features * lengths))
    assert plain == pytest.approx(scaled, rel=1e-5)


def test_equal_and_zero_vectors_have_finite_gradients():
    for features in (torch.ones(4, 3, requires_grad=True), torch.zeros(4, 3, requires_grad=True)):
        value = cosine_triplet.batch_hard(features, torch.tensor([0, 0, 1, 1]), 0.3)
        (gradient,) = torch.autograd.grad(value, features)
        assert value.item() == pytest.approx(0.3)
        assert gradient.isfinite().all()
