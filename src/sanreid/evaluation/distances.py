"""Distances between two sets of features, a block of queries at a time, so that no (Q, G) matrix is ever needed.

Decisions: "euclidean" is the *squared* distance through the Gram matrix (which gives the same ranking with one matrix
product per block); its terms are added in place to one reused buffer. For cosine the product is scaled, so that the
gallery need not be copied. All rankings use these functions, so that their results agree bit for bit.
"""

from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

Metric = Literal["euclidean", "cosine"]
BLOCK_BYTES = 64 << 20  # of distances at a time: the only large allocation


def block_rows(gallery: int, itemsize: int = 4) -> int:
    """How many queries a block holds against `gallery` images."""
    return max(1, BLOCK_BYTES // max(1, itemsize * gallery))


def blocks(
    query: NDArray[np.float32],
    gallery: NDArray[np.float32],
    metric: Metric = "euclidean",
    ignore: NDArray[np.bool_] | None = None,
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield (first query, (B, G) distances) for (Q, D) and (G, D) features: squared euclidean, or 1 - cosine.

    Each block overwrites the previous one. Columns marked in `ignore` (G,) are NaN. A zero vector has cosine 0 with
    everything. Raises ValueError if the widths differ, the metric is unknown or a feature is not finite.
    """
    q2, g2 = check(query, gallery, metric)
    q, g = torch.from_numpy(query), torch.from_numpy(gallery)
    bias, scale = g2, -_inverse(g2)
    if ignore is not None:
        bias[torch.from_numpy(ignore)] = scale[torch.from_numpy(ignore)] = torch.nan
    rows = block_rows(len(gallery))
    buffer = torch.empty(min(rows, len(query)), len(gallery))
    for start in range(0, len(query), rows):
        part = slice(start, start + rows)
        block = buffer[: len(q[part])]
        if metric == "euclidean":
            torch.addmm(bias, q[part], g.T, alpha=-2, out=block).add_(q2[part, None])
        else:
            torch.mm(q[part] * _inverse(q2[part])[:, None], g.T, out=block).mul_(scale).add_(1)
        yield start, block.numpy()


def triangle(images: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield (first image, (B, N - first) squared distances of images first.. to images first..N-1) for (N, D) features.

    Like `blocks` of the images with themselves, without the transposed entries of earlier blocks: half of the work.
    Each block overwrites the previous one. Raises ValueError if a feature is not finite.
    """
    squares, x = _squares(images, "gallery"), torch.from_numpy(images)
    buffer = torch.empty(max(len(x), BLOCK_BYTES // 4))
    first = 0
    while first < len(x):
        rows = min(block_rows(len(x) - first), len(x) - first)
        part = slice(first, first + rows)
        block = buffer[: rows * (len(x) - first)].view(rows, len(x) - first)
        torch.addmm(squares[first:], x[part], x[first:].T, alpha=-2, out=block).add_(squares[part, None])
        yield first, block.numpy()
        first += rows


def check(
    query: NDArray[np.float32], gallery: NDArray[np.float32], metric: Metric
) -> tuple[torch.Tensor, torch.Tensor]:
    """The squared lengths of both; ValueError as `blocks` raises it."""
    if metric not in get_args(Metric):
        raise ValueError(f"metric '{metric}' is unknown: choose one of {', '.join(get_args(Metric))}")
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(f"query features are {query.shape[1]} wide, gallery features {gallery.shape[1]}: one model")
    return _squares(query, "query"), _squares(gallery, "gallery")


def matrix(
    query: NDArray[np.float32], gallery: NDArray[np.float32], metric: Metric = "euclidean"
) -> NDArray[np.float32]:
    """The whole (Q, G) matrix, bit for bit equal to the blocks; it may be large."""
    result = np.empty((len(query), len(gallery)), np.float32)
    for start, block in blocks(query, gallery, metric):
        result[start : start + len(block)] = block
    return result


def _squares(features: NDArray[np.float32], name: str) -> torch.Tensor:
    squares = np.einsum("nd,nd->n", features, features)
    bad = np.flatnonzero(~np.isfinite(squares))
    if len(bad):
        raise ValueError(f"{name} features are not finite (first in row {bad[0]}): the model has diverged")
    return torch.from_numpy(squares)


def _inverse(squares: torch.Tensor) -> torch.Tensor:
    return torch.where(squares > 0, squares.rsqrt(), 0.0)
