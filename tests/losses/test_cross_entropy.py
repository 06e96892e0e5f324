"""Label smoothing against a plain loop."""

import math

import pytest
import torch

from sanreid.losses import cross_entropy


def loop(logits: list[list[float]], labels: list[int], smoothing: float) -> float:
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        top = max(row)
        norm = top + math.log(sum(math.exp(v - top) for v in row))
        for k, value in enumerate(row):
            wanted = smoothing / len(row) + (1 - smoothing if k == label else 0)
            total -= wanted * (value - norm)
    return total / len(labels)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_equals_a_plain_loop(smoothing):
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 9) * 4, torch.tensor([0, 8, 3, 3, 1, 5])
    got = cross_entropy.smoothed(logits, labels, smoothing)
    assert got.item() == pytest.approx(loop(logits.tolist(), labels.tolist(), smoothing), rel=1e-5)


def test_half_precision_is_computed_in_full():
    logits = torch.randn(4, 50).to(torch.bfloat16)
    got = cross_entropy.smoothed(logits, torch.arange(4), 0.1)
    assert got.dtype == torch.float32
    assert got.item() == pytest.approx(loop(logits.tolist(), [0, 1, 2, 3], 0.1), rel=1e-5)
