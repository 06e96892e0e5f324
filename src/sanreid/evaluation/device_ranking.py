"""Ranking on a GPU, with the same blocks, rules and order of ties as ranking.py, by sorting.

Decisions: a GPU sorts a block faster than it can be copied to the host, so rows are sorted (stably: ties by gallery
order), while the CPU counts smaller distances. Sums are in float64, so the scores equal the CPU's for the same
distances. It runs on any torch device, so that it can be tested without a GPU.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sanreid.evaluation.distances import Metric, block_rows

_MATRICES = 8  # of a block's size that sorting holds at a time


class Scores(NamedTuple):
    """Of each query of a block: 1-based rank of the first match (0: none), AP, matches / rank of the last, AP at k."""

    first: Tensor
    precision: Tensor
    penalty: Tensor
    shortened: Tensor


def blocks(
    query: NDArray[np.float32], gallery: NDArray[np.float32], metric: Metric, device: torch.device
) -> Iterator[tuple[int, Tensor]]:
    """Yield (first query, (B, G) distances on `device`), as `distances.blocks` defines them."""
    q, g = (torch.from_numpy(f).to(device) for f in (query, gallery))
    if metric == "cosine":
        q, g = torch.nn.functional.normalize(q), torch.nn.functional.normalize(g)
        bias, scale = torch.ones(len(g), device=device), -1
    else:
        bias, scale = g.square().sum(1), -2
    rows = max(1, block_rows(len(gallery)) // _MATRICES) if device.type == "cpu" else block_rows(len(gallery))
    for start in range(0, len(q), rows):
        part = q[start : start + rows]
        block = torch.addmm(bias, part, g.T, alpha=scale)
        yield start, block if metric == "cosine" else block.add_(part.square().sum(1)[:, None])


def score(block: Tensor, match: Tensor, hidden: Tensor, first_k: int) -> Scores:
    """Score each row of distances (B, G): `match` (B, G) are true matches, `hidden` (B, G) are not ranked.

    AP at `first_k` is of the ranking cut there: mean precision at the matches that it still holds, 0 where it has none.
    """
    order = torch.argsort(block.masked_fill(hidden, torch.inf), dim=1, stable=True)
    hit = (match & ~hidden).gather(1, order)
    place = torch.arange(1, block.shape[1] + 1, device=block.device, dtype=torch.float64)
    count = hit.sum(1)
    at_hits = (hit.cumsum(1) / place).masked_fill_(~hit, 0)
    some = count > 0
    nothing = torch.full((), torch.nan, device=block.device, dtype=torch.float64)
    within = hit[:, :first_k].sum(1)
    last = torch.where(hit, place, 0).amax(1)
    return Scores(
        torch.where(some, hit.byte().argmax(1) + 1, 0),
        torch.where(some, at_hits.sum(1) / count, nothing),
        torch.where(some, count / last, nothing),
        torch.where(some, at_hits[:, :first_k].sum(1) / within.clamp_min(1), nothing),
    )
