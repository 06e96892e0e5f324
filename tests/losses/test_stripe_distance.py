"""The local distance against a plain dynamic programme and against what evaluation computes."""

import functools
import math

import numpy as np
import pytest
import torch

from sanreid.evaluation import local_distance
from sanreid.losses import stripe_distance


def loop(one: list[list[float]], other: list[list[float]]) -> float:
    """The recursion of the paper, word for word, in double precision."""

    def unit(v: list[float]) -> list[float]:
        length = math.sqrt(sum(x * x for x in v))
        return [x / length for x in v] if length else v

    def d(i: int, j: int) -> float:
        e = math.sqrt(sum((x - y) ** 2 for x, y in zip(unit(one[i]), unit(other[j]), strict=True)))
        return (math.exp(e) - 1) / (math.exp(e) + 1)

    @functools.cache
    def cost(i: int, j: int) -> float:
        if i == 0 and j == 0:
            return d(0, 0)
        before = [cost(*cell) for cell in ((i - 1, j), (i, j - 1)) if min(cell) >= 0]
        return d(i, j) + min(before)

    return cost(len(one) - 1, len(other) - 1)


@pytest.mark.parametrize("height", [1, 2, 7, 8])
def test_equals_the_plain_dynamic_programme(height):
    torch.manual_seed(height)
    one, other = torch.randn(5, height, 6), torch.randn(4, height, 6)
    got = stripe_distance.all_pairs(one, other)
    expected = [[loop(a, b) for b in other.tolist()] for a in one.tolist()]
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-5)
    paired = stripe_distance.pairs(one[:4], other)
    np.testing.assert_allclose(paired.numpy(), [expected[i][i] for i in range(4)], rtol=1e-5)


def test_equals_what_evaluation_ranks_by():
    torch.manual_seed(0)
    one, other = torch.randn(6, 8, 16).relu(), torch.randn(9, 8, 16).relu()
    ours = stripe_distance.all_pairs(one, other).numpy()
    np.testing.assert_allclose(ours, local_distance.aligned(one.numpy(), other.numpy()), atol=1e-5)


def test_the_gradient_is_that_of_the_plain_dynamic_programme():
    torch.manual_seed(3)
    one = torch.randn(1, 4, 3, dtype=torch.float64, requires_grad=True)
    other = torch.randn(1, 4, 3, dtype=torch.float64)
    (got,) = torch.autograd.grad(stripe_distance.pairs(one, other).sum(), one)
    step = 1e-6
    for i in range(4):
        for k in range(3):
            moved = [one.detach().clone() for _ in range(2)]
            moved[0][0, i, k] += step
            moved[1][0, i, k] -= step
            high, low = (loop(m[0].tolist(), other[0].tolist()) for m in moved)
            assert got[0, i, k].item() == pytest.approx((high - low) / (2 * step), abs=1e-4)


def test_the_gradient_runs_along_the_shortest_path_alone():
    d = torch.tensor([[0.1, 0.1, 0.9], [0.9, 0.1, 0.1], [0.9, 0.9, 0.1]], requires_grad=True)
    value = stripe_distance.shortest(d)
    (gradient,) = torch.autograd.grad(value, d)
    assert value.item() == pytest.approx(0.5)
    assert gradient.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 1]]


def test_a_shift_by_a_stripe_costs_nothing_and_another_person_twice_as_much():
    """What the alignment is for. A path that goes right or down crosses H - 1 cells even between equal images."""
    torch.manual_seed(1)
    stripes = torch.randn(1, 8, 32)
    shifted = torch.cat([stripes[:, :1], stripes[:, :-1]], 1)
    same, shift, other = (stripe_distance.pairs(stripes, x).item() for x in (stripes, shifted, torch.randn(1, 8, 32)))
    neighbours = stripe_distance.costs(stripes, stripes)[0].diagonal(1).sum().item()
    assert same == pytest.approx(neighbours, rel=1e-4)
    assert shift == pytest.approx(same, rel=1e-4)
    assert other > 2 * shift


def test_zero_and_equal_stripes_have_finite_gradients():
    """A ReLU may leave nothing of a stripe, and a root has an infinite slope at 0."""
    stripes = torch.cat([torch.zeros(2, 3, 4), torch.ones(2, 3, 4)]).requires_grad_()
    value = stripe_distance.all_pairs(stripes, stripes)
    (gradient,) = torch.autograd.grad(value.sum(), stripes)
    assert value[0, 0].item() == value[2, 3].item() == 0
    assert value[0, 2].item() == pytest.approx(5 * math.tanh(0.5), rel=1e-5)
    assert gradient.isfinite().all()
    assert gradient.abs().max() < 100


def test_autocast_changes_nothing():
    torch.manual_seed(2)
    stripes = torch.randn(4, 5, 6)
    plain = stripe_distance.all_pairs(stripes, stripes)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(stripe_distance.all_pairs(stripes, stripes), plain)


def test_stripes_of_two_models_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 8, 4\) and \(2, 7, 4\) must be \(N, H, c\) of one model"):
        stripe_distance.all_pairs(torch.ones(2, 8, 4), torch.ones(2, 7, 4))
    with pytest.raises(ValueError, match="2 images against 3"):
        stripe_distance.pairs(torch.ones(2, 8, 4), torch.ones(3, 8, 4))
