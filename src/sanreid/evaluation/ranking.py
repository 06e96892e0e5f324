"""CMC, mAP and mINP from features or from distances, in blocks of queries, with nothing to compile by hand.

Decisions:
- The standard rules (Zheng et al., ICCV 2015): gallery images of the query's own person *and* camera are not ranked;
  junk (pid -1) is not ranked; distractors (pid 0) are ranked and match nobody; a query without any remaining match is
  not counted. Average precision is the mean of the precision at each match.
- Ties are ordered by gallery position, as by a stable sort. Ranks are computed from the float32 distances directly, so
  the result equals a brute-force ranking of the same distances.
- mAP over the first k uses the ranking truncated at k: the mean precision at the matches in it, 0 if there are none
  (the source of the two-branch network reports k = 80).
- Features are ranked block by block (`distances.blocks`); a matrix of distances gives the same numbers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from sanreid.evaluation import device_ranking
from sanreid.evaluation.distances import Metric, block_rows, blocks, check
from sanreid.evaluation.ranking_metrics import DISTRACTOR, People, Ranking, ids


@dataclass(frozen=True)
class Embeddings:
    """Features (N, D) float32 with each row's pid (N,) and camid (N,), or camids None if cameras are not known.

    Raises ValueError if shapes disagree or ids are not integers.
    """

    features: NDArray[np.float32]
    pids: NDArray[np.int64]
    camids: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        features = np.ascontiguousarray(self.features, dtype=np.float32)
        if features.ndim != 2:
            raise ValueError(f"features must be (N, D), given {features.shape}: pool or flatten the maps first")
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "pids", ids(self.pids, len(features), "pids"))
        if self.camids is not None:
            object.__setattr__(self, "camids", ids(self.camids, len(features), "camids"))

    def __len__(self) -> int:
        return len(self.features)


def evaluate(
    query: Embeddings,
    gallery: Embeddings,
    metric: Metric = "euclidean",
    max_rank: int = 50,
    distractor: int | None = DISTRACTOR,
    first_k: int | None = None,
    device: str | torch.device = "cpu",
) -> Ranking:
    """Rank the gallery for every query, block by block.

    `distractor` is the pid that matches nobody; None if pid 0 is an ordinary class (digits). With `first_k` the
    mAP over the first k is measured too. On another `device` than the CPU the blocks are computed and sorted there.
    Raises ValueError for features of different width or not finite, cameras on one side only, or no query with a match.
    """
    people = People(query.pids, gallery.pids, query.camids, gallery.camids, distractor, first_k)
    if torch.device(device).type != "cpu":
        check(query.features, gallery.features, metric)
        for start, part in device_ranking.blocks(query.features, gallery.features, metric, torch.device(device)):
            people.score_there(start, part)
        return people.result(max_rank)
    for start, block in blocks(query.features, gallery.features, metric, people.junk):
        people.score(start, block)
    return people.result(max_rank)


def evaluate_distances(
    distances: ArrayLike,
    query_pids: ArrayLike,
    gallery_pids: ArrayLike,
    query_camids: ArrayLike | None = None,
    gallery_camids: ArrayLike | None = None,
    max_rank: int = 50,
    distractor: int | None = DISTRACTOR,
) -> Ranking:
    """The same from a (Q, G) matrix of distances (any float type, smaller is nearer), which is not modified."""
    matrix, people = _matrix(distances, query_pids, gallery_pids, query_camids, gallery_camids, distractor)
    rows = block_rows(matrix.shape[1], matrix.itemsize)
    for start in range(0, len(matrix), rows):
        block = matrix[start : start + rows].copy()
        if people.junk.any():
            block[:, people.junk] = np.nan
        people.score(start, block)
    return people.result(max_rank)


def single_gallery_shot(
    query: Embeddings,
    gallery: Embeddings,
    metric: Metric = "euclidean",
    max_rank: int = 50,
    repeats: int = 100,
    seed: int = 0,
    distractor: int | None = DISTRACTOR,
) -> Ranking:
    """CUHK03's classic protocol (Li et al., CVPR 2014): a gallery of one drawn image a person, averaged over `repeats`.

    Each repeat shuffles the gallery and takes for each person the first image that the camera rule allows (for all
    distractors together, one). With one match per query, AP and INP are both 1 / rank; `first_match` is the rank in the
    last repeat. All blocks of queries use the same shuffled galleries.
    """
    people = People(query.pids, gallery.pids, query.camids, gallery.camids, distractor)
    return _repeat(people, blocks(query.features, gallery.features, metric, people.junk), max_rank, repeats, seed)


def evaluate_single_gallery_shot(
    distances: ArrayLike,
    query_pids: ArrayLike,
    gallery_pids: ArrayLike,
    query_camids: ArrayLike | None = None,
    gallery_camids: ArrayLike | None = None,
    max_rank: int = 50,
    repeats: int = 100,
    seed: int = 0,
    distractor: int | None = DISTRACTOR,
) -> Ranking:
    """The same from a (Q, G) matrix of distances."""
    matrix, people = _matrix(distances, query_pids, gallery_pids, query_camids, gallery_camids, distractor)
    return _repeat(people, [(0, matrix)], max_rank, repeats, seed)


def _repeat(people: People, parts: Iterable[tuple[int, NDArray]], max_rank: int, repeats: int, seed: int) -> Ranking:
    """Score `parts` (first query, (B, G) distances) against `repeats` drawn galleries of one image a person."""
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, given {repeats}")
    generator, ranked = np.random.default_rng(seed), np.flatnonzero(~people.junk)
    draws = [generator.permutation(ranked) for _ in range(repeats)]
    first = np.zeros((repeats, len(people.first)), np.int64)
    for start, block in parts:
        for repeat, drawn in enumerate(draws):
            people.score_single(start, block, drawn)
            first[repeat, start : start + len(block)] = people.first[start : start + len(block)]
    # whether a query has a match does not depend on the draw
    people.precision = people.penalty = np.where(first > 0, 1 / np.maximum(first, 1), np.nan).mean(0)
    hits = np.bincount(first[first > 0], minlength=max_rank + 1)[1 : max_rank + 1]
    return people.result(max_rank, np.cumsum(hits) / max(1, np.count_nonzero(first)))


def nearest(query: Embeddings, gallery: Embeddings, metric: Metric = "euclidean", k: int = 10) -> list[NDArray]:
    """For each query the first `k` gallery indices in rank order, the rules applied: for pictures of a few queries."""
    people = People(query.pids, gallery.pids, query.camids, gallery.camids, DISTRACTOR)
    result = []
    for start, block in blocks(query.features, gallery.features, metric):
        for i, row in enumerate(block, start):
            hidden = people.junk | (gallery.pids == query.pids[i]) & (people.gallery_camids == people.query_camids[i])
            order = np.argsort(row, kind="stable")
            result.append(order[~hidden[order]][:k])
    return result


def _matrix(
    distances: ArrayLike, query_pids: Any, gallery_pids: Any, query_camids: Any, gallery_camids: Any, distractor: Any
) -> tuple[NDArray, People]:
    matrix = np.asarray(distances)
    if matrix.ndim != 2 or matrix.dtype.kind != "f":
        raise ValueError(f"distances must be a (Q, G) array of floats, given {matrix.shape} {matrix.dtype}")
    if np.isnan(matrix.min(initial=np.inf)):
        raise ValueError("distances hold NaN: mend the features they come from")
    Q, G = matrix.shape
    people = People(
        ids(query_pids, Q, "query_pids"),
        ids(gallery_pids, G, "gallery_pids"),
        None if query_camids is None else ids(query_camids, Q, "query_camids"),
        None if gallery_camids is None else ids(gallery_camids, G, "gallery_camids"),
        distractor,
    )
    return matrix, people
