"""Bilinear resizing and reflection padding with deterministic gradients on a GPU.

Decisions: on a CPU torch's functions are used. On CUDA the gradients of torch's kernels are summed in an arbitrary
order, and in bfloat16. The slow implementation to which `use_deterministic_algorithms` switches computes pixel
positions in the input's precision, and bfloat16 cannot represent half-integers up to 256. Both operations are linear
along each axis, so if determinism is asked for they are computed as two matrix products, with a fixed order and sums in
float32.
"""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Upsample(nn.Module):
    """Bilinear x2 (align_corners off); (N, C, H, W) -> (N, C, 2H, 2W)."""

    def forward(self, x: Tensor) -> Tensor:
        """Twice as high and wide."""
        return bilinear(x, (2 * x.shape[2], 2 * x.shape[3]), align_corners=False)


class Reflect(nn.Module):
    """Borders of `width` pixels mirrored at the edge pixel; (N, C, H, W) -> (N, C, H + 2 width, W + 2 width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        """With its borders."""
        if not by_products(x):
            return F.pad(x, (self.width,) * 4, mode="reflect")
        rows, columns = (_reflection(side, self.width, *_kind(x)) for side in x.shape[2:])
        return along_both(x, rows, columns)


def bilinear(x: Tensor, size: tuple[int, int], align_corners: bool) -> Tensor:
    """(N, C, H, W) -> (N, C, *size), as `F.interpolate` defines it."""
    if not by_products(x):
        return F.interpolate(x, size=size, mode="bilinear", align_corners=align_corners)
    sides = zip(x.shape[2:], size, strict=True)
    rows, columns = (_weights(old, new, align_corners, *_kind(x)) for old, new in sides)
    return along_both(x, rows, columns)


def by_products(x: Tensor) -> bool:
    """Whether to use matrix products: on a GPU, if determinism is asked for."""
    return x.device.type != "cpu" and torch.are_deterministic_algorithms_enabled()


def along_both(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """rows (H', H) and columns (W', W) applied to (N, C, H, W) -> (N, C, H', W') in channels_last, in x's precision."""
    n, c, height, _ = x.shape
    with torch.autocast(x.device.type, enabled=False):
        wide = columns @ x.permute(0, 2, 3, 1)  # (N, H, W', C): in channels_last no copy
        high = rows @ wide.reshape(n, height, -1)
    return high.reshape(n, len(rows), len(columns), c).permute(0, 3, 1, 2)


def _kind(x: Tensor) -> tuple[torch.dtype, torch.device, bool]:
    """What a matrix for `x` has to be; one made in inference mode cannot serve a training."""
    return x.dtype, x.device, torch.is_inference_mode_enabled()


@functools.cache
def _weights(old: int, new: int, align_corners: bool, dtype: torch.dtype, device: torch.device, _: bool) -> Tensor:
    """The (new, old) matrix of linear interpolation."""
    step, shift = ((old - 1) / max(1, new - 1), 0.0) if align_corners else (old / new, 0.5)
    place = ((torch.arange(new, dtype=torch.float64) + shift) * step - shift).clamp_min(0)
    left = place.long().clamp_max(old - 1)
    right = (left + 1).clamp_max(old - 1)
    share = (place - left)[:, None]
    return (F.one_hot(left, old) * (1 - share) + F.one_hot(right, old) * share).to(device, dtype)


@functools.cache
def _reflection(side: int, width: int, dtype: torch.dtype, device: torch.device, _: bool) -> Tensor:
    """The (side + 2 width, side) matrix that mirrors at the first and the last row."""
    place = torch.arange(-width, side + width).abs()
    return F.one_hot(side - 1 - (side - 1 - place).abs(), side).to(device, dtype)
