"""L1, with and without visibility, and structure, against plain loops."""

import math

import pytest
import torch
from torch import Tensor

from sanreid.losses.reconstruction import l1, structure

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


def ssim_loop(x, y) -> float:
    """Mean SSIM by the book: a gaussian window around each texel, mirrored at the edge without repeating it."""
    weights = {d: math.exp(-d * d / (2 * 1.5**2)) for d in range(-5, 6)}
    total = sum(weights.values())
    n, c, height, width = x.shape
    mirror = lambda i, size: -i if i < 0 else 2 * size - 2 - i if i >= size else i  # noqa: E731
    values = []
    for i in range(n):
        for k in range(c):
            for row in range(height):
                for column in range(width):
                    sums = [0.0] * 5
                    for dy in range(-5, 6):
                        for dx in range(-5, 6):
                            w = weights[dy] * weights[dx] / total**2
                            place = (i, k, mirror(row + dy, height), mirror(column + dx, width))
                            a, b = x[place].item(), y[place].item()
                            sums = [s + w * v for s, v in zip(sums, (a, b, a * a, b * b, a * b), strict=True)]
                    mx, my, xx, yy, xy = sums
                    c1, c2 = 0.02**2, 0.06**2
                    top = (2 * mx * my + c1) * (2 * (xy - mx * my) + c2)
                    values.append(top / ((mx**2 + my**2 + c1) * (xx - mx**2 + yy - my**2 + c2)))
    return sum(values) / len(values)


def test_structure_equals_a_plain_loop():
    random = torch.Generator().manual_seed(3)
    x, y = (torch.rand(1, 2, 7, 8, generator=random) * 2 - 1 for _ in range(2))
    assert structure(x, y).item() == pytest.approx(1 - ssim_loop(x, y), abs=1e-5)
    near = (x + 0.1 * y).clamp(-1, 1)
    assert structure(x, near).item() == pytest.approx(1 - ssim_loop(x, near), abs=1e-5)


def test_structure_of_equals_is_nothing_and_of_blur_is_much():
    x = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(4)) * 2 - 1
    assert structure(x, x).item() == pytest.approx(0, abs=1e-5)
    blurred = x.mean((2, 3), keepdim=True).expand_as(x).contiguous().requires_grad_()
    loss = structure(blurred, x)
    assert loss.item() > 0.9
    loss.backward()
    assert torch.isfinite(blurred.grad).all()


def test_structure_refuses_what_it_cannot_compare():
    with pytest.raises(ValueError, match=r"structure: texture \(1, 3, 8, 8\) against target \(1, 3, 8, 9\)"):
        structure(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 9))
    with pytest.raises(ValueError, match="structure"):
        structure(torch.zeros(1, 3, 5, 5), torch.zeros(1, 3, 5, 5))
