"""The nearest pictures of a gallery to a feature, and the queries for whom a gallery answers worst.

Decisions: cosine distance, 1 minus the product of unit features; one product with the whole matrix and a partial sort,
so that ten thousand pictures take milliseconds. Re-ranking compares all pairs of what it ranks, so it is done among the
nearest CANDIDATES alone. Failures follow the field's protocol: pictures of the query's own person and camera do not
count, and a query with no match left is not asked.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.galleries import NOBODY, Gallery
from sanreid.search.nearest import K1, first, nearest

CANDIDATES = 500
MOST_ASKING = 3000  # queries among which failures are looked for, in even steps
BLOCK = 256  # queries compared at a time


class Failure(NamedTuple):
    """A query (its row), the rank (from 1) and the row of its first true match, and the rows that came nearest."""

    row: int
    rank: int
    match: int
    nearest: list[int]


class Failures(NamedTuple):
    """The worst first; how many queries asked, the gallery's size, and the shares of first matches at rank 1 and 10."""

    worst: list[Failure]
    asked: int
    pictures: int
    rank1: float
    rank10: float


class Found(NamedTuple):
    """Rows of the gallery, most alike first, their cosine distances (0 to 2), and how many of them were re-ranked."""

    rows: NDArray[np.int64]
    distances: NDArray[np.float32]
    reranked: int


def search(
    gallery: Gallery,
    feature: NDArray[np.float32],
    top: int,
    without: NDArray[np.bool_] | None = None,
    rerank: bool = False,
) -> Found:
    """The `top` rows nearest to `feature` (D,); `without` marks rows (N,) that are left out.

    Rows of equal distance are in the gallery's order. `rerank` orders the nearest CANDIDATES by their reciprocal
    neighbours; too few of them stay as they are.
    """
    distances = 1 - gallery.features @ feature
    if without is not None:
        distances[without] = np.inf
    there = len(distances) - (0 if without is None else int(without.sum()))
    count = min(there, max(top, CANDIDATES) if rerank else top)
    rows = first(distances[None], count).rows[0] if count else np.empty(0, np.int64)
    reranked = 0
    if rerank and count > K1:
        near = rows[:CANDIDATES]
        again = nearest(feature[None], gallery.features[near], len(near), rerank=True).rows[0]
        rows, reranked = np.r_[near[again], rows[CANDIDATES:]], len(near)
    return Found(rows[:top], distances[rows[:top]], reranked)


def has_people(gallery: Gallery) -> bool:
    """Whether failures can be told: somebody asks, and people are known."""
    return bool((gallery.asks & (gallery.pids > 0)).any())


def failures(gallery: Gallery, most: int = 24, shown: int = 5) -> Failures:
    """The `most` queries whose first true match comes latest, each with the `shown` rows that came before everybody.

    Of a set with queries of its own those ask and the others answer; else each picture asks all others. Raises
    ValueError where the gallery's people are not known, or nobody has a match.
    """
    if not has_people(gallery):
        raise ValueError(f"{gallery.folder.name}: its people are not known; an index.csv with pids tells them")
    asking = np.flatnonzero(gallery.asks & (gallery.pids > 0))
    answer = np.flatnonzero(~gallery.asks) if not gallery.asks.all() else np.arange(len(gallery.names))
    if len(asking) > MOST_ASKING:
        asking = asking[np.linspace(0, len(asking) - 1, MOST_ASKING).round().astype(int)]
    features, pids, camids = gallery.features[answer], gallery.pids[answer], gallery.camids[answer]
    found: list[Failure] = []
    for start in range(0, len(asking), BLOCK):
        rows = asking[start : start + BLOCK]
        likeness = gallery.features[rows] @ features.T
        same = pids == gallery.pids[rows, None]
        seen = same & (camids == gallery.camids[rows, None]) & (camids != NOBODY)
        likeness[seen | (answer == rows[:, None])] = -np.inf
        true = np.where(same, likeness, -np.inf)
        best = true.argmax(1)
        value = true[np.arange(len(rows)), best]
        ranks = 1 + (likeness > value[:, None]).sum(1)
        for i in np.flatnonzero(np.isfinite(value)):
            near = first(-likeness[i : i + 1], min(shown, len(answer))).rows[0]
            near = near[np.isfinite(likeness[i][near])]
            found.append(Failure(int(rows[i]), int(ranks[i]), int(answer[best[i]]), answer[near].tolist()))
    if not found:
        raise ValueError(f"{gallery.folder.name}: nobody was seen by two cameras, so that nothing would count as found")
    ranks = np.array([f.rank for f in found])
    worst = sorted(found, key=lambda f: (-f.rank, f.row))[:most]
    return Failures(worst, len(found), len(answer), float((ranks <= 1).mean()), float((ranks <= 10).mean()))
