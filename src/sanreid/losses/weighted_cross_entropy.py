"""Class-weighted cross entropy of several classification heads, as for attributes (Lin et al. 2019).

Decisions: a head's loss is torch's weighted mean, the sum of w * loss divided by the sum of w, so that its size does
not depend on how rare a batch's classes are. The caller sums the heads, because it also records each by name. `sums`
returns numerator and denominator separately: their totals over many batches give the exact loss of a whole data set.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor


def means(
    logits: Mapping[str, Tensor], labels: Mapping[str, Tensor], weights: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """By head, the weighted cross entropy of logits (N, C) to labels (N,) in 0..C-1; weights (C,), greater than 0."""
    return {name: F.cross_entropy(logits[name].float(), labels[name], weights[name]) for name in logits}


def sums(
    logits: Mapping[str, Tensor], labels: Mapping[str, Tensor], weights: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """By head, (2,): the sum of w * cross entropy over N images, and the sum of their w."""
    result = {}
    for name in logits:
        total = F.cross_entropy(logits[name].float(), labels[name], weights[name], reduction="sum")
        result[name] = torch.stack([total, weights[name][labels[name]].sum()])
    return result
