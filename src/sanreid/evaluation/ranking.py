"""CMC, mAP and mINP from features or from distances, in blocks of queries, with nothing to compile by hand.

Decisions:
- The field's rules (Zheng et al., ICCV 2015): gallery images of the query's own person *and* camera are not ranked;
  junk (pid -1) is not ranked; distractors (pid 0) are ranked and match nobody; a query without a match left is not
  counted. Average precision is the mean of the precision at each hit.
- Ties go by gallery order, as a stable sort would place them. Ranks are counted on the float32 distances as they come,
  so the result equals a brute force on the same distances.
- mAP over the first k is of the ranking cut there: the mean precision at the matches that it still holds, 0 where it
  holds none (the two-branch networks' sources report k = 80).
- Features are ranked block by block (`distances.blocks`); a matrix of distances gives the same numbers.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from sanreid.evaluation import counting, device_ranking
from sanreid.evaluation.distances import Metric, block_rows, blocks, check

JUNK = -1
DISTRACTOR = 0


@dataclass(frozen=True)
class Embeddings:
    """Features (N, D) float32 with each row's person (N,) and camera (N,), or None where a set knows no cameras.

    Raises ValueError where shapes disagree or ids are not integers.
    """

    features: NDArray[np.float32]
    pids: NDArray[np.int64]
    camids: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        features = np.ascontiguousarray(self.features, dtype=np.float32)
        if features.ndim != 2:
            raise ValueError(f"features must be (N, D), given {features.shape}: pool or flatten the maps first")
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "pids", _ids(self.pids, len(features), "pids"))
        if self.camids is not None:
            object.__setattr__(self, "camids", _ids(self.camids, len(features), "camids"))

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True)
class Ranking:
    """What one evaluation found; fractions in [0, 1].

    `first_match` (Q,) is the 1-based rank of each query's first true match and `average_precision` (Q,) its AP: 0 and
    NaN where the query was left out.
    """

    cmc: NDArray[np.float64]  # (max_rank,), cmc[0] = rank-1
    mean_average_precision: float
    mean_inverse_negative_penalty: float  # Ye et al., TPAMI 2021, section 4.1: matches / rank of the last match
    shortened_mean_average_precision: float | None  # over the first `first_k` alone; None where none was asked for
    queries: int  # counted ones
    left_out: int  # queries without a match
    gallery: int  # images ranked, before the camera rule
    first_match: NDArray[np.int64] = field(repr=False)
    average_precision: NDArray[np.float64] = field(repr=False)

    def rank(self, k: int) -> float:
        """The fraction of queries with a true match among the first `k`; ValueError beyond max_rank."""
        if not 1 <= k <= len(self.cmc):
            raise ValueError(f"rank {k} is outside 1..{len(self.cmc)}: evaluate with max_rank >= {k}")
        return float(self.cmc[k - 1])

    def metrics(self) -> dict[str, float | int]:
        """The values that every metrics.json begins with."""
        return {
            "rank1": self.rank(1),
            "rank5": self.rank(5),
            "rank10": self.rank(10),
            "mAP": self.mean_average_precision,
            "mINP": self.mean_inverse_negative_penalty,
            "queries": self.queries,
            "left_out": self.left_out,
            "gallery": self.gallery,
        }


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

    `distractor` is the pid that matches nobody; None where pid 0 is a class like any other (digits). With `first_k` the
    mAP over the first k is measured too. On another `device` than the CPU the blocks are computed and sorted there.
    Raises ValueError for features of different width or not finite, cameras on one side only, or no query with a match.
    """
    people = _People(query.pids, gallery.pids, query.camids, gallery.camids, distractor, first_k)
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
    """The same from a (Q, G) matrix of distances (any float type, smaller is nearer), which is left as it is."""
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

    A repeat draws an order of the gallery, and each person stands in with the first image of it that the camera rule
    allows (distractors: all together with one). With one match a query, AP and INP are both 1 / rank; `first_match` is
    the rank in the last repeat. From features, block by block: every block sees the same draws.
    """
    people = _People(query.pids, gallery.pids, query.camids, gallery.camids, distractor)
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


def _repeat(people: "_People", parts: Iterable[tuple[int, NDArray]], max_rank: int, repeats: int, seed: int) -> Ranking:
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
    people = _People(query.pids, gallery.pids, query.camids, gallery.camids, DISTRACTOR)
    result = []
    for start, block in blocks(query.features, gallery.features, metric):
        for i, row in enumerate(block, start):
            hidden = people.junk | (gallery.pids == query.pids[i]) & (people.gallery_camids == people.query_camids[i])
            order = np.argsort(row, kind="stable")
            result.append(order[~hidden[order]][:k])
    return result


class _People:
    """Who matches whom, and the scores gathered so far."""

    def __init__(
        self,
        query_pids: Any,
        gallery_pids: Any,
        query_camids: Any,
        gallery_camids: Any,
        distractor: int | None,
        first_k: int | None = None,
    ) -> None:
        if first_k is not None and first_k < 1:
            raise ValueError(f"first_k must be at least 1, given {first_k}")
        if (query_camids is None) != (gallery_camids is None):
            raise ValueError("cameras are given on one side only: give camids for query and gallery, or for neither")
        self.query_pids, self.gallery_pids, self.first_k = query_pids, gallery_pids, first_k
        # without cameras, ids that never agree switch the rule off
        self.query_camids = np.zeros_like(query_pids) if query_camids is None else query_camids
        self.gallery_camids = np.ones_like(gallery_pids) if gallery_camids is None else gallery_camids
        self.junk = gallery_pids == JUNK
        self.members = np.argsort(gallery_pids, kind="stable")  # the gallery by person, each in gallery order
        by_person = gallery_pids[self.members]
        self.starts = np.searchsorted(by_person, query_pids, "left")
        self.stops = np.searchsorted(by_person, query_pids, "right")
        nobody = np.isin(query_pids, [JUNK] if distractor is None else [JUNK, distractor])
        self.nobody = nobody
        self.stops[nobody] = self.starts[nobody]
        self.first = np.zeros(len(query_pids), np.int64)
        self.precision = np.full(len(query_pids), np.nan)
        self.penalty = np.full(len(query_pids), np.nan)
        self.shortened = np.full(len(query_pids), np.nan)

    def score(self, start: int, block: NDArray) -> None:
        """Score the queries from `start` on. The block, NaN where junk, is overwritten."""
        p = slice(start, start + len(block))
        whom = self.members, self.starts[p], self.stops[p], self.query_camids[p], self.gallery_camids
        scores = self.first[p], self.precision[p], self.penalty[p], self.shortened[p]
        counting.score(block, *whom, self.first_k or len(self.gallery_pids), *scores)

    def score_there(self, start: int, block: torch.Tensor) -> None:
        """Score the queries from `start` on, on the device of the block."""
        p = slice(start, start + len(block))

        def there(values: NDArray) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(block.device)

        own = there(self.query_pids[p])[:, None] == there(self.gallery_pids)
        seen = there(self.query_camids[p])[:, None] == there(self.gallery_camids)
        hidden = (own & seen & ~there(self.nobody[p])[:, None]) | there(self.junk)
        match = own & ~there(self.nobody[p])[:, None]
        found = device_ranking.score(block, match, hidden, self.first_k or len(self.gallery_pids))
        kept = self.first, self.precision, self.penalty, self.shortened
        for values, scores in zip(kept, found, strict=True):
            values[p] = scores.cpu().numpy()

    def score_single(self, start: int, block: NDArray, drawn: NDArray[np.int64]) -> None:
        """Rank the queries from `start` on against one image a person: the first allowed one in the order `drawn`."""
        p = slice(start, start + len(block))
        _, one_each = np.unique(self.gallery_pids[drawn], return_index=True)
        place = np.empty_like(self.gallery_pids)
        place[drawn] = np.arange(len(drawn))
        whom = self.members, self.starts[p], self.stops[p], self.query_camids[p], self.gallery_camids
        counting.score_single(block, *whom, drawn[one_each], self.gallery_pids, place, self.first[p])

    def result(self, max_rank: int, cmc: NDArray[np.float64] | None = None) -> Ranking:
        """Average over the queries that had a match; `cmc` where it was averaged otherwise."""
        if max_rank < 1:
            raise ValueError(f"max_rank must be at least 1, given {max_rank}")
        counted = self.first > 0
        if not counted.any():
            raise ValueError("no query has a match in the gallery: compare the pids and camids of the two")
        hits = np.bincount(self.first[counted], minlength=max_rank + 1)[1 : max_rank + 1]
        return Ranking(
            cmc=np.cumsum(hits) / counted.sum() if cmc is None else cmc,
            mean_average_precision=float(self.precision[counted].mean()),
            mean_inverse_negative_penalty=float(self.penalty[counted].mean()),
            shortened_mean_average_precision=None if self.first_k is None else float(self.shortened[counted].mean()),
            queries=int(counted.sum()),
            left_out=int((~counted).sum()),
            gallery=int((~self.junk).sum()),
            first_match=self.first.copy(),
            average_precision=self.precision.copy(),
        )


def _matrix(
    distances: ArrayLike, query_pids: Any, gallery_pids: Any, query_camids: Any, gallery_camids: Any, distractor: Any
) -> tuple[NDArray, _People]:
    matrix = np.asarray(distances)
    if matrix.ndim != 2 or matrix.dtype.kind != "f":
        raise ValueError(f"distances must be a (Q, G) array of floats, given {matrix.shape} {matrix.dtype}")
    if np.isnan(matrix.min(initial=np.inf)):
        raise ValueError("distances hold NaN: mend the features they come from")
    Q, G = matrix.shape
    people = _People(
        _ids(query_pids, Q, "query_pids"),
        _ids(gallery_pids, G, "gallery_pids"),
        None if query_camids is None else _ids(query_camids, Q, "query_camids"),
        None if gallery_camids is None else _ids(gallery_camids, G, "gallery_camids"),
        distractor,
    )
    return matrix, people


def _ids(values: Any, length: int, name: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.shape != (length,):
        raise ValueError(f"{name} must be ({length},), given {array.shape}")
    if length and array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, given {array.dtype}")
    return array.astype(np.int64)
