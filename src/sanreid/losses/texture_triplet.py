"""Triplet ReID constraints (Jin et al. 2020, eq. 3): a triplet loss on the decoder's feature maps.

hinge(MSE(anchor, positive) - MSE(anchor, negative) + margin), margin 0.3, in two schemes:
- `paper`: triplets at fixed positions of a P x K batch, summed over people and maps, as in the released code. Being a
  sum, it starts at 18 with 16 people (15 people x 4 maps x 0.3), beside a reconstruction loss of about 0.5. The last
  person is never an anchor.
- `batch`: the mean over all triplets of the batch and all maps, so that it equals the margin if positives and negatives
  are equally distant, for any batch.

Decisions: always float32. The MSE of all pairs comes from one Gram matrix (N, N) per map, after the batch mean has been
subtracted, which does not change differences and reduces cancellation. No (N, N, C, H, W) array is needed.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def paper(maps: Sequence[Tensor], people: int, images: int, margin: float, pids: Tensor | None = None) -> Tensor:
    """The released scheme, summed; `maps` = x1..x4, each (P*K, C, H, W), a person's images next to each other.

    Map b of the first three: anchor b-1, positive b, negative the next person's b-1 (modulo K, so that K = 2 and 3
    work; for K = 4 these are the released positions). Last map: anchor K-1, positive 0, negative the next person's 0.
    Raises ValueError for fewer than 2 people or images, for maps of another batch size, and, if `pids` (P*K,) are on
    the CPU, unless they come in P blocks of K (on a GPU this check would synchronise every step).
    """
    if people < 2 or images < 2:
        raise ValueError(f"texture triplet: needs 2 people and 2 images of each, got {people} x {images}")
    for b, values in enumerate(maps, 1):
        if len(values) != people * images:
            raise ValueError(
                f"texture triplet: x{b} holds {len(values)} images, not people x images = {people * images}"
            )
    if pids is not None:
        _check_blocks(pids, people, images)
    total = maps[0].new_zeros((), dtype=torch.float32)
    for b, values in enumerate(maps):
        last = b == len(maps) - 1
        anchor, positive, other = (images - 1, 0, 0) if last else (b % images, (b + 1) % images, b % images)
        blocks = values.unflatten(0, (people, images))
        a, p, n = blocks[:-1, anchor].float(), blocks[:-1, positive].float(), blocks[1:, other].float()
        hinge = (a - p).square().mean((1, 2, 3)) - (a - n).square().mean((1, 2, 3)) + margin
        total = total + hinge.clamp_min(0).sum()
    return total


def batch(maps: Sequence[Tensor], pids: Tensor, margin: float) -> Tensor:
    """Mean over the maps, each (N, C, H, W), and over all triplets of anchor, positive and negative.

    If a batch has no triplet: ValueError on the CPU; NaN on a GPU, where checking the labels would synchronise every
    step (the P x K sampler never makes such a batch).
    """
    same = pids[:, None] == pids[None, :]
    positive = same & ~torch.eye(len(pids), dtype=torch.bool, device=pids.device)
    triplets = positive[:, :, None] & ~same[:, None, :]
    count = triplets.sum()
    if pids.device.type == "cpu" and not bool(count):
        raise ValueError(f"texture triplet: no triplet among {len(pids)} images; take a P x K sampler, P and K above 1")
    total = maps[0].new_zeros((), dtype=torch.float32)
    for values in maps:
        distances = pairwise_mse(values)
        hinge = (distances[:, :, None] - distances[:, None, :] + margin).clamp_min(0)
        total = total + (hinge * triplets).sum() / count
    return total / len(maps)


def pairwise_mse(values: Tensor) -> Tensor:
    """Mean squared difference of each pair of (N, ...) in float32: (N, N)."""
    with torch.autocast(values.device.type, enabled=False):
        flat = values.float().reshape(len(values), -1)
        flat = flat - flat.mean(0)
        squares = flat.square().sum(1)
        return (squares[:, None] + squares[None, :] - 2 * flat @ flat.T).clamp_min(0) / flat.shape[1]


def _check_blocks(pids: Tensor, people: int, images: int) -> None:
    if pids.shape != (people * images,):
        raise ValueError(f"texture triplet: {len(pids)} labels for {people} people x {images} images")
    if pids.device.type != "cpu":
        return
    blocks = pids.reshape(people, images)
    if not bool((blocks == blocks[:, :1]).all()) or len(torch.unique(blocks[:, 0])) != people:
        raise ValueError(
            f"texture triplet: the labels do not come in {people} blocks of {images}; use PKSampler's order"
        )
