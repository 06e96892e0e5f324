"""Batch-hard triplet loss on embeddings (Hermans et al. 2017, section 2).

Decisions: distances from differences, not from the Gram matrix, whose cancellation costs half the digits of close
pairs; torch's distance has gradient 0, not NaN, where two embeddings coincide. Always float32: the hinge compares
close numbers.
"""

import torch
from torch import Tensor


def batch_hard(features: Tensor, pids: Tensor, margin: float) -> Tensor:
    """Mean over anchors of max(0, margin + farthest same - nearest other), euclidean; features (N, D), pids (N,).

    An anchor alone of its person is its own positive. A batch of one person has no negative: ValueError on the CPU; NaN
    on a GPU, where a look at the labels would make every step wait (the P x K sampler never draws such a batch).
    """
    features = features.float()
    distances = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist")
    same = pids[:, None] == pids[None, :]
    if pids.device.type == "cpu" and bool(same.all()):
        raise ValueError(f"triplet loss: all {len(pids)} images of the batch are of one person; take a P x K sampler")
    farthest = distances.masked_fill(~same, -torch.inf).amax(1)
    nearest = distances.masked_fill(same, torch.inf).amin(1)
    return (margin + farthest - nearest).clamp_min(0).mean().masked_fill(same.all(), torch.nan)
