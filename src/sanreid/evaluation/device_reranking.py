"""Re-ranking on a GPU: the two slow steps of reranking.py, in blocks, on any torch device.

Decisions: finding nearest neighbours and the overlap of neighbour vectors take nearly all of the time, and run here;
the reciprocal sets take a fraction of a second in compiled code, and are computed on the CPU by the same functions.
Ties go to the image that comes first, as on the CPU. A GPU sums in another order, so distances differ in their last
digits; two neighbours whose distances differ by less may change places, and with them an entry of the result
(benchmarks/gpu_evaluation.py counts such entries). It runs on any torch device, so that it can be tested without a GPU.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sanreid.evaluation.distances import block_rows

PAIRS = 1 << 25  # of numbers gathered at once for distances of single pairs, or of shares for the overlap
Vectors = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]


def _rows(width: int, copies: int, device: torch.device) -> int:
    """Rows of a block; on the CPU so few that `copies` of it fit where `distances` keeps one."""
    return max(1, block_rows(width) // copies) if device.type == "cpu" else block_rows(width)


def neighbours(images: Tensor, k: int) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Of features (N, D) on their device: the k nearest (N, k) in ascending order, their squared distances, the
    largest distance (N,)."""
    squares = images.square().sum(1)
    numbers = torch.arange(len(images), device=images.device)
    ranks, near, largest = [], [], []
    for part, own in zip(*(x.split(_rows(len(images), 4, images.device)) for x in (images, squares)), strict=True):
        block = torch.addmm(squares, part, images.T, alpha=-2).add_(own[:, None])
        largest.append(block.amax(1))
        bits = block.view(torch.int32)
        # a float's bits, those of negative ones turned, rise with it; the number below them decides ties
        rising = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).long()
        rank = torch.topk((rising << 32) + numbers, k, largest=False, sorted=True).values & 0xFFFFFFFF
        near.append(block.gather(1, rank))
        ranks.append(rank.int())
    top = torch.cat(largest)
    # only where all images coincide: distances of 0 stay 0
    top = torch.where(top > 0, top, 1.0)
    return torch.cat(ranks).cpu().numpy(), torch.cat(near).cpu().numpy(), top.cpu().numpy()


def pairs(images: Tensor, owners: NDArray[np.int32], columns: NDArray[np.int32]) -> NDArray[np.float32]:
    """The squared distances of the pairs (owner, column), computed for each pair."""
    wanted = [torch.from_numpy(n).to(images.device).long() for n in (owners, columns)]
    parts = [n.split(max(1, PAIRS // images.shape[1])) for n in wanted]
    found = [(images[a] - images[b]).square_().sum(1) for a, b in zip(*parts, strict=True)]
    return torch.cat(found).cpu().numpy() if found else np.empty(0, np.float32)


def blended(
    images: Tensor, queries: int, largest: NDArray[np.float32], vectors: Vectors, shares: Vectors, lambda_value: float
) -> NDArray[np.float32]:
    """Re-ranked distances (Q, G) of features (Q + G, D): (1 - lambda) Jaccard + lambda distance / largest.

    `vectors` are all images' as a CSR triple, `shares` those of the gallery transposed (`reranking_kernels.inverted`).
    """

    def here(*arrays: Any) -> list[Tensor]:
        return [torch.from_numpy(a).to(images.device) for a in arrays]

    query, gallery = images[:queries], images[queries:]
    squares, own, scale = gallery.square().sum(1), query.square().sum(1), here(1 / largest[:queries])[0]
    (columns, values), (begins, owners, theirs) = here(*vectors[1:]), here(*shares)
    starts = vectors[0]
    lengths = begins.diff()  # of each column: how many of the gallery have a share of it
    result = np.empty((queries, len(gallery)), np.float32)
    rows = _rows(len(gallery), 2, images.device)
    for first in range(0, queries, rows):
        count = min(rows, queries - first)
        overlap = torch.zeros(count * len(gallery), device=images.device)
        entries = slice(int(starts[first]), int(starts[first + count]))
        row = torch.repeat_interleave(*here(np.arange(count), np.diff(starts[first : first + count + 1])))
        mine = columns[entries].long()
        ends = lengths[mine].cumsum(0)
        for part in _portions(ends):
            ours, length = mine[part], lengths[mine[part]]
            before = torch.repeat_interleave(begins[ours] - (length.cumsum(0) - length), length)
            at = before + torch.arange(len(before), device=images.device)
            smaller = torch.minimum(torch.repeat_interleave(values[entries][part], length), theirs[at])
            place = torch.repeat_interleave(row[part], length) * len(gallery) + owners[at]
            overlap.index_add_(0, place, smaller)
        overlap = overlap.view(count, len(gallery))
        these = slice(first, first + count)
        block = torch.addmm(squares, query[these], gallery.T, alpha=-2).add_(own[these, None])
        block *= (lambda_value * scale[these])[:, None]
        block += (1 - lambda_value) * (1 - overlap / (2 - overlap))
        result[these] = block.cpu().numpy()
    return result


def _portions(ends: Tensor) -> list[slice]:
    """Entries in slices of about PAIRS shares, from the running count of shares `ends` (E,)."""
    if not len(ends):
        return []
    marks = torch.arange(PAIRS, int(ends[-1]) + PAIRS, PAIRS, device=ends.device)
    cuts = torch.searchsorted(ends, marks, right=True).tolist()
    edges = sorted({0, *(min(c, len(ends)) for c in cuts), len(ends)})
    return [slice(a, b) for a, b in pairwise(edges)]
