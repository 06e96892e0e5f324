"""The gallery pictures nearest to queries: by the cosine, or re-ranked by what the gallery's pictures have in common.

Decisions: features have unit length, so the cosine is a product of matrices, a block of queries at a time, and needs
nothing that is compiled. Several pictures of one person ask together: their features are averaged, as in multi-query
evaluation. Re-ranking is k-reciprocal (Zhong et al. 2017) with the published numbers; it looks at all pictures, and is
refused where they are no more than k1. Up to SMALL pictures it is numpy's, bit for bit the compiled one: to compile
takes longer on a machine's first search. Ties go by the gallery's order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 64 << 20  # bytes of distances at a time
K1, K2, WEIGHT = 20, 6, 0.3  # of re-ranking, as published and as evaluate_system.reranking has them
SMALL = 10_000  # pictures up to which numpy re-ranks sooner than the loops are compiled


@dataclass(frozen=True)
class Nearest:
    """Of Q queries the `rows` (Q, top) int64 of the gallery, nearest first, and their `distances` (Q, top) float32.

    A distance is 1 - cosine, from 0 (the same) to 2; a re-ranked one is in [0, 1] and blends it with the neighbours'.
    """

    rows: NDArray[np.int64]
    distances: NDArray[np.float32]


def nearest(query: NDArray[np.float32], gallery: NDArray[np.float32], top: int, rerank: bool = False) -> Nearest:
    """The `top` (or all, where there are fewer) of gallery (G, D) for each query (Q, D); features have unit length.

    Raises ValueError where the widths differ, nothing is there to rank, `top` is below 1, or `rerank` has too few
    pictures.
    """
    if not len(query) or not len(gallery):
        raise ValueError(f"{len(query)} queries and {len(gallery)} gallery pictures: nothing to rank")
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(f"the query's features have {query.shape[1]} numbers, the gallery's {gallery.shape[1]}")
    if top < 1:
        raise ValueError(f"top {top}: at least 1")
    top = min(top, len(gallery))
    if rerank:
        return first(np.maximum(_reranked(query, gallery), 0), top)
    rows = max(1, BLOCK // (4 * len(gallery)))
    parts = [first(np.clip(1 - query[i : i + rows] @ gallery.T, 0, 2), top) for i in range(0, len(query), rows)]
    return Nearest(np.concatenate([p.rows for p in parts]), np.concatenate([p.distances for p in parts]))


def check_enough(pictures: int) -> None:
    """ValueError where so many pictures, queries and gallery together, are too few to re-rank."""
    if pictures <= K1:
        raise ValueError(f"{pictures} pictures are too few to re-rank: more than {K1} are wanted; leave it out")


def pooled(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """One feature (1, D) of unit length of several (N, D) of the same person: their mean."""
    mean = features.mean(0, keepdims=True)
    length = np.linalg.norm(mean)
    return mean / length if length > 0 else mean


def first(distances: NDArray[np.float32], top: int) -> Nearest:
    """The `top` smallest of each row of distances (Q, G), equal ones in the gallery's order."""
    if top < distances.shape[1]:
        edge = np.partition(distances, top - 1, axis=1)[:, top - 1 : top]
        chosen = np.stack([_within(row, limit, top) for row, limit in zip(distances, edge[:, 0], strict=True)])
    else:
        chosen = np.broadcast_to(np.arange(distances.shape[1]), distances.shape)
    values = np.take_along_axis(distances, chosen, 1)
    order = np.argsort(values, axis=1, kind="stable")
    return Nearest(np.take_along_axis(chosen, order, 1), np.take_along_axis(values, order, 1))


def _within(row: NDArray[np.float32], limit: np.float32, top: int) -> NDArray[np.int64]:
    """The columns of the `top` smallest, ascending: all below `limit`, and of those at it the first."""
    below, at = np.flatnonzero(row < limit), np.flatnonzero(row == limit)
    return np.sort(np.concatenate([below, at[: top - len(below)]]))


def _reranked(query: NDArray[np.float32], gallery: NDArray[np.float32]) -> NDArray[np.float32]:
    from sanreid.evaluation import reranking  # plain search does not wait for it

    check_enough(len(query) + len(gallery))
    compiled = len(query) + len(gallery) > SMALL
    return reranking.k_reciprocal(query, gallery, K1, K2, WEIGHT, compiled=compiled)
