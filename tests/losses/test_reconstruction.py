"""L1 against plain loops, with and without visibility."""

import pytest
import torch
from torch import Tensor

from sanreid.losses.reconstruction import l1

Pair = tuple[Tensor, Tensor]


def loop(texture, target, weight=None) -> float:
    n, c, height, width = texture.shape
    total = norm = 0.0
    for i in range(n):
        for y in range(height):
            for x in range(width):
                w = 1.0 if weight is None else float(weight[i, y, x])
                for k in range(c):
                    total += w * abs(float(texture[i, k, y, x]) - float(target[i, k, y, x]))
                    norm += w
    return total / norm


@pytest.fixture
def pair() -> Pair:
    torch.manual_seed(0)
    return torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)


def test_equals_a_plain_loop(pair: Pair):
    assert l1(*pair).item() == pytest.approx(loop(*pair), rel=1e-5)


def test_visibility_weighs_texels(pair: Pair):
    weight = torch.rand(2, 4, 5)
    expected = loop(*pair, weight)
    assert l1(*pair, weight).item() == pytest.approx(expected, rel=1e-5)
    assert l1(*pair, weight[:, None]).item() == pytest.approx(expected, rel=1e-5)
    assert abs(expected - loop(*pair)) > 1e-3


def test_one_mask_serves_the_batch(pair: Pair):
    weight = (torch.rand(4, 5) > 0.5).float()
    assert l1(*pair, weight[None, None]).item() == pytest.approx(loop(*pair, weight.expand(2, 4, 5)), rel=1e-5)


def test_a_bool_mask_hides_texels_from_value_and_gradient(pair: Pair):
    texture, target = pair[0].requires_grad_(), pair[1].clone()
    mask = torch.ones(2, 4, 5, dtype=torch.bool)
    mask[:, 2] = False
    target[:, :, 2] = 1000
    value = l1(texture, target, mask)
    value.backward()
    assert value.item() < 10
    assert texture.grad is not None
    assert not texture.grad[:, :, 2].any()
    assert texture.grad[:, :, 1].abs().min() > 0


def test_nothing_visible_is_no_loss(pair: Pair):
    texture = pair[0].requires_grad_()
    value = l1(texture, pair[1], torch.zeros(2, 4, 5))
    value.backward()
    assert value.item() == 0
    assert texture.grad is not None
    assert not texture.grad.any()


def test_tiny_weights_normalise_as_large_ones(pair: Pair):
    weight = torch.rand(2, 4, 5)
    torch.testing.assert_close(l1(*pair, weight * 1e-4), l1(*pair, weight))


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (1, 3, 4, 5), (2, 1, 4, 5)])
def test_targets_of_another_shape_are_refused(pair: Pair, shape):
    with pytest.raises(ValueError, match=r"reconstruction: texture \(2, 3, 4, 5\) against target"):
        l1(pair[0], torch.zeros(shape))


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5), (2, 5, 4), (2, 3, 4, 5), (2, 1, 4, 1)])
def test_visibility_of_another_shape_is_refused(pair: Pair, shape):
    with pytest.raises(ValueError, match="reconstruction: visibility"):
        l1(*pair, torch.ones(shape))
