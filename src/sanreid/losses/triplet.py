"""Batch-hard triplet loss on embeddings (Hermans et al. 2017, section 2).

Decisions: distances are computed from differences, because the Gram matrix loses half of the digits of close pairs by
cancellation; torch's distance has gradient 0, not NaN, for equal embeddings. Always float32, because the hinge compares
close numbers.
"""

import torch
from torch import Tensor


def batch_hard(features: Tensor, pids: Tensor, margin: float) -> Tensor:
    """Mean over anchors of max(0, margin + farthest same - nearest other), euclidean; features (N, D), pids (N,).

    An anchor without another image of its person is its own positive. A batch of one person has no negative: ValueError
    on the CPU; NaN on a GPU, where checking the labels would synchronise every step (the P x K sampler never makes such
    a batch).
    """
    return on_distances(pairwise(features), pids, margin)


def on_distances(distances: Tensor, pids: Tensor, margin: float) -> Tensor:
    """`batch_hard` from distances (N, N) of any kind."""
    same = _same(pids)
    farthest = distances.masked_fill(~same, -torch.inf).amax(1)
    nearest = distances.masked_fill(same, torch.inf).amin(1)
    return hinge(farthest, nearest, margin).masked_fill(same.all(), torch.nan)


def hardest(distances: Tensor, pids: Tensor) -> tuple[Tensor, Tensor]:
    """For each anchor (row of distances (N, N)) the numbers of its hardest positive and hardest negative, (N,) each.

    Raises as `batch_hard` does.
    """
    same = _same(pids)
    farthest = distances.detach().masked_fill(~same, -torch.inf).argmax(1)
    return farthest, distances.detach().masked_fill(same, torch.inf).argmin(1)


def hinge(positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Mean of max(0, margin + positive - negative) over the anchors' distances (N,)."""
    return (margin + positive - negative).clamp_min(0).mean()


def pairwise(features: Tensor) -> Tensor:
    """Euclidean distances (N, N) of features (N, D), in float32."""
    features = features.float()
    return torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist")


def _same(pids: Tensor) -> Tensor:
    """Which pairs are of one person, (N, N); ValueError if all are (checked on the CPU only)."""
    same = pids[:, None] == pids[None, :]
    if pids.device.type == "cpu" and bool(same.all()):
        raise ValueError(f"triplet loss: all {len(pids)} images of the batch are of one person; take a P x K sampler")
    return same
