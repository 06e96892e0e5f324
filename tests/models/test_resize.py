"""The matrix products of a deterministic GPU against torch's own kernels, which are what the CPU runs."""

import pytest
import torch
import torch.nn.functional as F
from torch._subclasses import FakeTensorMode

from sanreid.models import resize

CPU = (torch.float64, torch.device("cpu"), False)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize(
    ("old", "new"),
    [((4, 6), (8, 12)), ((7, 5), (14, 10)), ((256, 128), (256, 256)), ((8, 4), (5, 9)), ((1, 3), (1, 6))],
)
def test_products_are_bilinear_resizing_and_so_are_their_gradients(old, new, align_corners):
    torch.manual_seed(0)
    x = torch.randn(2, 3, *old, dtype=torch.float64, requires_grad=True)
    rows, columns = (resize._weights(o, n, align_corners, *CPU) for o, n in zip(old, new, strict=True))
    ours = resize.along_both(x, rows, columns)
    theirs = F.interpolate(x, size=new, mode="bilinear", align_corners=align_corners)
    torch.testing.assert_close(ours, theirs)
    wanted = torch.randn_like(theirs)
    gradients = [torch.autograd.grad(y, x, wanted)[0] for y in (ours, theirs)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("width", [1, 3])
def test_products_are_reflected_borders_and_so_are_their_gradients(width):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 6, 4, requires_grad=True)
    rows, columns = (resize._reflection(side, width, torch.float32, *CPU[1:]) for side in (6, 4))
    ours, theirs = resize.along_both(x, rows, columns), F.pad(x, (width,) * 4, mode="reflect")
    assert torch.equal(ours, theirs)
    assert ours.is_contiguous(memory_format=torch.channels_last)
    wanted = torch.randn_like(theirs)
    gradients = [torch.autograd.grad(y, x, wanted)[0] for y in (ours, theirs)]
    torch.testing.assert_close(*gradients)


def test_halves_and_quarters_survive_bfloat16():
    """Why torch's own deterministic form will not do: counted in bfloat16, the place of row 201 of 256 is off."""
    weights = resize._weights(128, 256, False, torch.bfloat16, *CPU[1:])
    assert torch.equal(weights.double(), resize._weights(128, 256, False, *CPU))
    assert weights[201].nonzero()[:, 0].tolist() == [100, 101]
    assert weights[201, 100:102].tolist() == [0.75, 0.25]


def test_the_cpu_runs_torchs_own_whatever_is_asked(monkeypatch):
    monkeypatch.setattr(resize, "along_both", lambda *a: pytest.fail("the CPU went by products"))
    monkeypatch.setattr(torch, "are_deterministic_algorithms_enabled", lambda: True)
    x = torch.randn(1, 2, 4, 4)
    assert torch.equal(resize.Upsample()(x), F.interpolate(x, scale_factor=2, mode="bilinear"))
    assert torch.equal(resize.Reflect(2)(x), F.pad(x, (2,) * 4, mode="reflect"))


def test_matrix_products_are_used_on_a_gpu_if_determinism_is_asked_for(monkeypatch):
    for name in ("_weights", "_reflection"):  # without their memory: what is made here is of no use elsewhere
        monkeypatch.setattr(resize, name, getattr(resize, name).__wrapped__)
    products = []
    inner = resize.along_both
    monkeypatch.setattr(resize, "along_both", lambda *a: products.append(a) or inner(*a))
    for asked in (False, True):
        monkeypatch.setattr(torch, "are_deterministic_algorithms_enabled", lambda asked=asked: asked)
        with FakeTensorMode():  # a CUDA tensor's shape and kind without a GPU
            x = torch.empty(2, 3, 4, 6, device="cuda", dtype=torch.bfloat16)
            assert resize.Upsample()(x).shape == (2, 3, 8, 12)
            assert resize.Reflect(3)(x).shape == (2, 3, 10, 12)
            assert resize.bilinear(x.float(), (9, 9), True).dtype == torch.float32
        assert len(products) == 3 * asked
