"""The metrics of a ranking (CMC, mAP, mINP), and which gallery images match which query.

Decisions: the rules documented in ranking.py are implemented here, for whole galleries, random galleries and the GPU's
ranking alike. Scores are kept per query, and averaged after the last block.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sanreid.evaluation import device_ranking, ranking_kernels

JUNK = -1
DISTRACTOR = 0


@dataclass(frozen=True)
class Ranking:
    """The metrics of one evaluation; fractions in [0, 1].

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
        """The first values of every metrics.json."""
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


class People:
    """Which gallery images match which query, and the scores of the queries ranked so far."""

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
        ranking_kernels.score(block, *whom, self.first_k or len(self.gallery_pids), *scores)

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
        ranking_kernels.score_single(block, *whom, drawn[one_each], self.gallery_pids, place, self.first[p])

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


def ids(values: Any, length: int, name: str) -> NDArray[np.int64]:
    """`values` as (length,) int64; ValueError calls them `name` where they are of another shape or no integers."""
    array = np.asarray(values)
    if array.shape != (length,):
        raise ValueError(f"{name} must be ({length},), given {array.shape}")
    if length and array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, given {array.dtype}")
    return array.astype(np.int64)
