"""Weighted cross entropy of several heads against plain loops."""

import math

import pytest
import torch

from sanreid.losses import weighted_cross_entropy

CLASSES = {"hat": 2, "age": 4, "colour": 9}


def drawn(n, seed=0):
    g = torch.Generator().manual_seed(seed)
    logits = {k: torch.randn(n, c, generator=g, dtype=torch.float64).float() for k, c in CLASSES.items()}
    labels = {k: torch.randint(c, (n,), generator=g) for k, c in CLASSES.items()}
    weights = {k: 0.5 + 3 * torch.rand(c, generator=g) for k, c in CLASSES.items()}
    return logits, labels, weights


def by_loops(logits, labels, weights):
    """(sum of w * loss, sum of w) of each head."""
    result = {}
    for name in logits:
        total = denominator = 0.0
        for row, label in zip(logits[name].tolist(), labels[name].tolist(), strict=True):
            w = float(weights[name][label])
            total += w * (math.log(sum(math.exp(x) for x in row)) - row[label])
            denominator += w
        result[name] = total, denominator
    return result


@pytest.mark.parametrize("n", [1, 2, 33])
def test_each_head_against_plain_loops(n):
    given = drawn(n)
    expected = by_loops(*given)
    assert {k: float(v) for k, v in weighted_cross_entropy.means(*given).items()} == pytest.approx(
        {k: a / b for k, (a, b) in expected.items()}, rel=1e-5
    )
    sums = weighted_cross_entropy.sums(*given)
    for name, pair in expected.items():
        assert sums[name].tolist() == pytest.approx(pair, rel=1e-5)


def test_the_sums_of_batches_give_the_loss_of_the_whole():
    logits, labels, weights = drawn(30)
    whole = weighted_cross_entropy.means(logits, labels, weights)
    parts = [
        weighted_cross_entropy.sums(*({k: v[a:b] for k, v in of.items()} for of in (logits, labels)), weights)
        for a, b in ((0, 4), (4, 5), (5, 30))
    ]
    for name in CLASSES:
        total = torch.stack([p[name] for p in parts]).sum(0)
        assert float(total[0] / total[1]) == pytest.approx(float(whole[name]), rel=1e-5)


def test_a_weight_that_is_twice_counts_like_two_images():
    logits, labels, weights = drawn(8)
    ones = {k: torch.ones_like(v) for k, v in weights.items()}
    twice = {k: torch.where(torch.arange(len(v)) == 1, 2.0, 1.0) for k, v in weights.items()}
    weighted = weighted_cross_entropy.means(logits, labels, twice)
    for name in CLASSES:
        again = torch.cat([torch.arange(8), (labels[name] == 1).nonzero()[:, 0]])
        plain = weighted_cross_entropy.means({name: logits[name][again]}, {name: labels[name][again]}, ones)
        assert float(weighted[name]) == pytest.approx(float(plain[name]), rel=1e-5)


def test_bfloat16_logits_are_summed_in_float32():
    logits, labels, weights = drawn(8)
    rounded = {k: v.bfloat16() for k, v in logits.items()}
    result = weighted_cross_entropy.means(rounded, labels, weights)
    assert all(v.dtype == torch.float32 for v in result.values())
