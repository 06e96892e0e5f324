"""How many people do a folder's pictures show, and who is who?

Decisions:
- `people` goes by the neighbours that pictures have in common, as unsupervised re-ID does: Jaccard distances of the
  k-reciprocal neighbours (Zhong et al. 2017), joined by average linkage. Each camera's mean is taken off first, since a
  camera's colours draw its pictures together; where cameras are not known, the folder's mean. Two pictures that the
  calibration tells apart at one false accept in a hundred have nothing in common: it keeps apart people who were seen
  once, who have no better neighbours. K1, K2 and CUT were chosen on the odd persons of PKU-Reid and on rendered people
  (docs/command.md).
- `group` goes by a distance alone, with the open world's stream clustering (evaluation/open_world): where somebody
  names one, and where pictures are too few to have neighbours. A picture joins the group whose nearest members are near
  enough, or founds one; groups whose pictures are on the mean as near are merged, and then each picture joins the
  nearest group once more. Without a named distance it is what `same` calls one person: one false accept in a thousand.
  Pictures are taken in a seeded order, so that cameras and names that sort together tell nothing.
- Where too few people calibrated to tell such a rate, the equal error rate stands in. A group of one picture stays:
  somebody was seen once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sanreid import runtime
from sanreid.evaluation.calibration import Calibration
from sanreid.search import linkage
from sanreid.search.nearest import SMALL

STRICT, LOOSE = "0.001", "0.01"  # false accepts
K1, K2 = 10, 3  # neighbours that are reciprocal, and those whose neighbours are averaged
CUT = 0.9  # the mean Jaccard distance up to which groups are joined
FEWEST = 2 * K1  # pictures that have neighbours worth the name
STEADY = 10  # pictures of a camera by which half of its mean is trusted, beside the folder's
NEIGHBOURS, DISTANCE = "neighbours", "distance"
SEED = 0


@dataclass(frozen=True)
class Groups:
    """Whose pictures are whose: `labels` (N,), 0 the largest group.

    `threshold` is the distance (1 - cosine) that decided; by `rule` NEIGHBOURS the one beyond which two pictures, their
    cameras' means taken off, have nothing in common.
    """

    labels: NDArray[np.int64]
    threshold: float
    rule: str = DISTANCE

    @property
    def count(self) -> int:
        """How many people."""
        return int(self.labels.max()) + 1

    def members(self) -> list[NDArray[np.int64]]:
        """The rows of each group, largest group first."""
        return [np.flatnonzero(self.labels == g) for g in range(self.count)]


def threshold(known: Calibration, rate: str = STRICT) -> float:
    """The distance (1 - cosine) within which two pictures count as one person's, by a calibration."""
    at = known.thresholds.get(rate)
    return 1 - (known.equal_error_similarity if at is None else at.similarity)


def people(features: NDArray[np.float32], known: Calibration, camids: NDArray[np.int64] | None = None) -> Groups:
    """Group the features (N, D) of pictures by their neighbours; of fewer than FEWEST by the distance of `same`.

    Raises ValueError for no pictures or features that are not finite.
    """
    if len(features) < FEWEST:
        return group(features, threshold(known))
    from sanreid.evaluation import reranking

    within = threshold(known, LOOSE)
    points = centred(features, np.zeros(len(features), np.int64) if camids is None else camids)
    first, second, shares = [], [], []
    for start, block in reranking.jaccard(points, K1, K2, compiled=len(points) > SMALL):
        alike = 1 - points[start : start + len(block)] @ points.T <= within
        rows, columns = np.nonzero(alike & (block < 1))
        later = columns > start + rows
        rows, columns = rows[later], columns[later]
        first += (start + rows).tolist()
        second += columns.tolist()
        shares += (1 - block[rows, columns].astype(np.float64)).tolist()
    labels = linkage.average(len(points), (first, second), shares, 1 - CUT)
    return Groups(_largest_first(labels), within, NEIGHBOURS)


def centred(features: NDArray[np.float32], camids: NDArray[np.int64]) -> NDArray[np.float32]:
    """Features (N, D) less the mean of their camera (N,), of unit length.

    The mean of a camera with few pictures is drawn to that of all: one person's alone must not take the person off.
    """
    points, everybody = np.asarray(features, np.float64).copy(), np.mean(features, 0, np.float64)
    for camera in np.unique(camids):
        rows = camids == camera
        own = rows.sum() / (rows.sum() + STEADY) if not rows.all() else 1.0
        points[rows] -= everybody + own * (points[rows].mean(0) - everybody)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return (points / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def group(features: NDArray[np.float32], within: float, seed: int = SEED) -> Groups:
    """Group the features (N, D) of pictures by distance `within` (1 - cosine, 0 to 2).

    Raises ValueError for no pictures, features that are not finite, or a distance out of range.
    """
    if not 0 <= within <= 2:
        raise ValueError(f"distance {within}: 1 - cosine is from 0 to 2")
    from sanreid.evaluation.open_world import refinement, stream  # their loops are compiled: `people` needs none

    link = stream.Link(by="members", nearest=3)  # as many members' mean distance: one look-alike alone does not decide
    order = runtime.rng(seed, "cluster").permutation(len(features))
    points = stream.prepare(np.asarray(features)[order], "cosine")
    labels = stream.of_prepared(points, within, "cosine", link).labels
    labels = refinement.merge_prepared(points, labels, within, "cosine")
    labels = refinement.reassign_prepared(points, labels, "cosine", link, smallest=1)
    found = np.empty(len(order), np.int64)
    found[order] = labels
    return Groups(_largest_first(found), within)


def _largest_first(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same groups, numbered by size, of equal ones the one whose first picture comes first."""
    _, first, group, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    place = np.empty(len(sizes), np.int64)
    place[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return place[group]
