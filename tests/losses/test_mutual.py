"""Mutual learning against plain loops, and where its gradients stop."""

import math

import pytest
import torch

from sanreid.losses import mutual


def outputs(n: int, *shape: int) -> list[torch.Tensor]:
    torch.manual_seed(n)
    return [torch.randn(*shape, requires_grad=True) for _ in range(n)]


def softmax(row: list[float]) -> list[float]:
    total = sum(math.exp(x) for x in row)
    return [math.exp(x) / total for x in row]


def kl_loop(own: list[list[float]], other: list[list[float]]) -> float:
    total = 0.0
    for a, b in zip(own, other, strict=True):
        total += sum(q * math.log(q / p) for p, q in zip(softmax(a), softmax(b), strict=True))
    return total / len(own)


def squared_loop(own: list[list[float]], other: list[list[float]]) -> float:
    cells = [(x - y) ** 2 for a, b in zip(own, other, strict=True) for x, y in zip(a, b, strict=True)]
    return sum(cells) / len(cells)


CASES = [(mutual.divergence, kl_loop, (4, 6)), (mutual.squared, squared_loop, (5, 5))]


@pytest.mark.parametrize(("loss", "plain", "shape"), CASES)
@pytest.mark.parametrize("n", [2, 3, 4])
def test_equals_plain_loops_over_the_others(loss, plain, shape, n):
    values = outputs(n, *shape)
    lists = [v.tolist() for v in values]
    for i, got in enumerate(loss(values)):
        expected = sum(plain(lists[i], lists[j]) for j in range(n) if j != i) / (n - 1)
        assert got.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("loss", "plain", "shape"), CASES)
@pytest.mark.parametrize("n", [2, 3])
def test_a_networks_loss_moves_that_network_alone(loss, plain, shape, n):
    """The stop-gradient on the others: without it the second network would be pulled by both losses."""
    values = outputs(n, *shape)
    for i, term in enumerate(loss(values)):
        gradients = torch.autograd.grad(term, values, allow_unused=True)
        assert [g is not None for g in gradients] == [j == i for j in range(n)]
        assert gradients[i].abs().sum() > 0


def test_the_gradient_is_that_of_a_comparison_with_a_constant():
    first, second = outputs(2, 4, 4)
    (got,) = torch.autograd.grad(mutual.squared([first, second])[0], first)
    torch.testing.assert_close(got, 2 * (first - second).detach() / 16)
    (got,) = torch.autograd.grad(mutual.divergence([first, second])[1], second)
    torch.testing.assert_close(got, ((second.softmax(1) - first.softmax(1)) / 4).detach())


def test_the_divergence_goes_both_ways():
    a, b = (v.detach() for v in outputs(2, 3, 5))
    first, second = mutual.divergence([a, b])
    assert first.item() != pytest.approx(second.item(), rel=1e-3)
    swapped = mutual.divergence([b, a])
    assert [x.item() for x in swapped] == pytest.approx([second.item(), first.item()])


@pytest.mark.parametrize("loss", [mutual.divergence, mutual.squared])
def test_equal_networks_have_nothing_to_teach(loss):
    (values,) = outputs(1, 3, 3)
    assert all(abs(term.item()) < 1e-6 for term in loss([values, values.detach().clone()]))


def test_one_network_or_two_shapes_are_refused():
    with pytest.raises(ValueError, match=r"two networks' outputs of one shape, got \[\(2, 2\)\]"):
        mutual.squared(outputs(1, 2, 2))
    with pytest.raises(ValueError, match=r"\[\(2, 2\), \(3, 2\)\]"):
        mutual.divergence([torch.zeros(2, 2), torch.zeros(3, 2)])
