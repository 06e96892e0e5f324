"""Retrieval results on photographs that are in no training set: four kinds of ranking, three sets of people.

Decisions: features are normalised to unit length and compared by cosine distance for all networks, so that the rows of
a table can be compared. "Centred" subtracts each camera's mean feature over query and gallery, which needs camera ids
but no labels. "Re-ranked" is k-reciprocal re-ranking (Zhong et al. 2017). The people with odd and those with even pids
are separate sets, each with its own gallery and camera means, so that parameters chosen on the odd ones can be tested
on the even ones. Images of one person are not independent, so confidence intervals are from resampling the query people
with all their queries; the gallery is not resampled. All networks are evaluated on the same samples.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanreid import runtime
from sanreid.evaluation import ranking, reranking, trivial_baselines
from sanreid.evaluation.features import split
from sanreid.evaluation.ranking import DISTRACTOR, Embeddings, Ranking

CONFIDENCE = 0.95
RANKS = (1, 5, 10)
MEASURES = (*(f"rank{k}" for k in RANKS), "mAP")
WAYS = ("plain", "centred", "reranked", "centred_reranked")
PARTS = ("all", "odd", "even")


@dataclass(frozen=True)
class Settings:
    """Parameters of re-ranking, length of the CMC curve, number of bootstrap samples and their seed."""

    k1: int
    k2: int
    weight: float
    max_rank: int
    draws: int
    seed: int


@dataclass(frozen=True)
class Found:
    """One kind of ranking on one set of people: the ranked features, the result, and the 95 % intervals.

    `intervals` has (low, high) for each of MEASURES; None if there is only one query person.
    """

    query: Embeddings
    gallery: Embeddings
    ranking: Ranking
    intervals: dict[str, tuple[float, float]] | None

    def metrics(self) -> dict[str, Any]:
        """The ranking's own numbers, and `intervals`."""
        intervals = None if self.intervals is None else {name: list(ends) for name, ends in self.intervals.items()}
        return {**self.ranking.metrics(), "intervals": intervals}


def part(rows: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    """Which rows (N,) belong to the part: all, or the people of odd or even pid; distractors belong to each."""
    if name == "all":
        return np.ones(len(rows), bool)
    pids = rows["pid"].to_numpy()
    return (pids % 2 == (name == "odd")) | (pids == DISTRACTOR)


def judged(rows: pd.DataFrame) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The parts that have a query with a match in the gallery, and their rows (N,)."""
    for name in PARTS:
        mask = part(rows, name)
        queries, gallery = (rows[mask & (rows["split"] == s).to_numpy()] for s in ("query", "gallery"))
        pairs = queries[["pid", "camid"]].merge(gallery[["pid", "camid"]], on="pid")
        if (pairs["camid_x"] != pairs["camid_y"]).fillna(True).any():  # unknown cameras are never the same one
            yield name, mask


def ways(
    features: NDArray[np.float32], rows: pd.DataFrame, p: Settings, rerank: bool = True
) -> Iterator[tuple[str, Found]]:
    """Rank the features (N, D) of `rows` in each way there is.

    Without cameras there is no centring; with no more than k1 images, or without `rerank`, no re-ranking.
    """
    unit = normalised(features)
    kinds = {"plain": unit}
    if rows["camid"].notna().all():
        kinds["centred"] = normalised(trivial_baselines.centre(unit, trivial_baselines.cameras(rows)))
    for name, values in kinds.items():
        query, gallery = split(values, rows)
        yield name, _found(query, gallery, ranking.evaluate(query, gallery, "cosine", p.max_rank), p)
    if len(rows) <= p.k1 or not rerank:
        return
    for name, values in kinds.items():
        query, gallery = split(values, rows)
        matrix = reranking.k_reciprocal(query.features, gallery.features, p.k1, p.k2, p.weight)
        ids = query.pids, gallery.pids, query.camids, gallery.camids
        again = "reranked" if name == "plain" else "centred_reranked"
        yield again, _found(query, gallery, ranking.evaluate_distances(matrix, *ids, p.max_rank), p)


def normalised(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows (N, D) of unit length; a zero row stays zero."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(lengths > 0, lengths, 1).astype(np.float32)


def _found(query: Embeddings, gallery: Embeddings, result: Ranking, p: Settings) -> Found:
    return Found(query, gallery, result, intervals(result, query.pids, p.draws, p.seed))


def intervals(result: Ranking, pids: NDArray[np.int64], draws: int, seed: int) -> dict[str, tuple[float, float]] | None:
    """(low, high) of each of MEASURES by `draws` draws of the query people `pids` (Q,) with replacement.

    Queries without a match are counted in no draw, as in the ranking; None where fewer than two people are left.
    """
    values = drawn(result, pids, draws, seed)
    return None if values is None else ends(values)


def drawn(result: Ranking, pids: NDArray[np.int64], draws: int, seed: int) -> NDArray[np.float64] | None:
    """Each of MEASURES in every draw of the query people, (draws, len(MEASURES)); None as in `intervals`.

    The draws depend on the people and the seed alone, so those of two networks on the same pictures are paired: the
    interval of a gain is `ends` of their difference.
    """
    counted = result.first_match > 0
    first, precision = result.first_match[counted], result.average_precision[counted]
    people, person = np.unique(pids[counted], return_inverse=True)
    if len(people) < 2:
        return None
    values = np.stack([*(first <= k for k in RANKS), precision], 1).astype(float)
    sums = np.zeros((len(people), len(MEASURES)))
    np.add.at(sums, person, values)
    queries = np.bincount(person)
    random = runtime.rng(seed, "photographs: people drawn again")
    times = random.multinomial(len(people), np.full(len(people), 1 / len(people)), size=draws)
    return (times @ sums) / (times @ queries)[:, None]


def ends(values: NDArray[np.float64]) -> dict[str, tuple[float, float]]:
    """The ends of the 95 % interval of each of MEASURES, of its values in the draws (draws, len(MEASURES))."""
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    return {name: (float(low[i]), float(high[i])) for i, name in enumerate(MEASURES)}
