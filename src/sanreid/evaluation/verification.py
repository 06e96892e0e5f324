"""Verification (do two pictures show the same person?): the ROC over all pairs of a labelled set, and its thresholds.

Decisions:
- A genuine pair is one person in two cameras (or in any, if cameras are not known); an impostor pair is two people in
  any cameras. One person in one camera is neither, because such pictures are near copies. Distractors and junk (pid 0
  and -1) are left out.
- Pairs are only counted by cosine similarity, in BINS bins over [-1, 1], so that 15,000 pictures (10^8 pairs) need no
  more memory than 1,000. All results follow from the counts; thresholds are edges of bins.
- Counting is done by numpy, because compiling a loop would take longer than it saves in a stage.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from sanreid.evaluation.ranking_metrics import DISTRACTOR, ids

BINS = 1 << 15  # of similarity, 6e-5 wide
PAIRS = 1 << 22  # compared at a time: a block of 16 MB, and a few such beside it
Counts = NDArray[np.int64]


class Pairs(NamedTuple):
    """Numbers of pairs by similarity: (BINS,) each, bin k from edge(k) to edge(k + 1)."""

    genuine: Counts
    impostor: Counts


class Roc(NamedTuple):
    """For the thresholds edge(0) .. edge(BINS): the shares of pairs at or above each, (BINS + 1,), decreasing."""

    fpr: NDArray[np.float64]  # of impostor pairs
    tpr: NDArray[np.float64]  # of genuine pairs


@dataclass(frozen=True)
class Threshold:
    """Two pictures whose similarity is at least `similarity` are accepted as the same person."""

    similarity: float
    fpr: float  # the share of impostor pairs that it accepts, at most the rate asked for
    tpr: float  # the share of genuine pairs that it accepts


def edge(place: ArrayLike) -> NDArray[np.float64]:
    """The similarity at which bin `place` begins."""
    return np.asarray(place) * (2 / BINS) - 1


def count(features: NDArray[np.float32], pids: ArrayLike, camids: ArrayLike | None = None) -> Pairs:
    """Count all pairs of rows of `features` (N, D), a block at a time; a zero feature has similarity 0 to all.

    Raises ValueError for features that are not finite or not (N, D), or if there is no pair of either kind.
    """
    values = np.asarray(features, np.float32)
    if values.ndim != 2:
        raise ValueError(f"features must be (N, D), given {values.shape}")
    who = ids(pids, len(values), "pids")
    where = None if camids is None else ids(camids, len(values), "camids")
    kept = who > DISTRACTOR
    values, who = values[kept], who[kept]
    where = None if where is None else where[kept]
    if len(bad := np.flatnonzero(~np.isfinite(values).all(1))):
        raise ValueError(f"features are not finite (first in row {bad[0]}): the model has diverged")
    total = np.zeros(3 * BINS, np.int64)
    for kind, similarity in _blocks(torch.nn.functional.normalize(torch.from_numpy(values)), who, where):
        places = np.clip((similarity + 1) * (BINS / 2), 0, BINS - 1).astype(np.int64)
        total += np.bincount((places + kind * np.int64(BINS)).ravel(), minlength=3 * BINS)
    pairs = Pairs(total[:BINS], total[BINS : 2 * BINS])
    if not pairs.genuine.any():
        raise ValueError("no person is seen in two cameras: nothing tells how alike two pictures of one person are")
    if not pairs.impostor.any():
        raise ValueError("one person alone: at least two are needed to tell people apart")
    return pairs


def _blocks(
    unit: torch.Tensor, who: NDArray[np.int64], where: NDArray[np.int64] | None
) -> Iterator[tuple[NDArray[np.int8], NDArray[np.float32]]]:
    """Kinds (0 genuine, 1 impostor, 2 neither) and similarities (B, N - first) of some rows to those from them on."""
    first = 0
    while first < len(unit):
        stop = min(len(unit), first + max(1, PAIRS // (len(unit) - first)))
        same = who[first:stop, None] == who[first:]
        kind = np.where(same, 0, 1).astype(np.int8)
        if where is not None:
            kind[same & (where[first:stop, None] == where[first:])] = 2
        rows = np.arange(stop - first)
        kind[:, : stop - first][rows[:, None] >= rows] = 2  # each pair once, none with itself
        yield kind, (unit[first:stop] @ unit[first:].T).numpy()
        first = stop


def roc(pairs: Pairs) -> Roc:
    """The ROC over the thresholds edge(0) .. edge(BINS)."""
    shares = [np.r_[np.cumsum(c[::-1])[::-1], 0] / c.sum() for c in (pairs.impostor, pairs.genuine)]
    return Roc(*shares)


def threshold(curve: Roc, rate: float, impostors: int) -> Threshold | None:
    """The lowest threshold that accepts at most a share `rate` of impostor pairs.

    None if that is less than one of the `impostors`, which are too few then.
    """
    if impostors * rate < 1:
        return None
    place = int(np.argmax(curve.fpr <= rate))
    return Threshold(float(edge(place)), float(curve.fpr[place]), float(curve.tpr[place]))


def equal_error(curve: Roc) -> tuple[float, float]:
    """The equal error rate and its threshold, at which false-accept and false-reject rates are closest to each other.

    If several thresholds are equally good (no pair is between them), the middle one.
    """
    apart = np.abs(curve.fpr - (1 - curve.tpr))
    places = np.flatnonzero(apart == apart.min())
    place = int(places[len(places) // 2])
    return float(curve.fpr[place] + 1 - curve.tpr[place]) / 2, float(edge(place))


def table(curve: Roc, rows: int = 200) -> pd.DataFrame:
    """The ROC as columns threshold, fpr, tpr: at most `rows` + 2 thresholds, evenly spaced over both shares."""
    wanted = np.r_[np.logspace(-6, 0, rows // 2), np.linspace(0, 1, rows - rows // 2)]
    by_fpr = BINS - np.searchsorted(curve.fpr[::-1], wanted[: rows // 2], "right") + 1
    by_tpr = BINS - np.searchsorted(curve.tpr[::-1], wanted[rows // 2 :], "right") + 1
    places = np.unique(np.clip(np.r_[0, by_fpr, by_tpr, BINS], 0, BINS))
    return pd.DataFrame({"threshold": edge(places), "fpr": curve.fpr[places], "tpr": curve.tpr[places]})
