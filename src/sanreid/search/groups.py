"""How many people do a folder's pictures show, and who is who? The open world's stream clustering, on any features.

Decisions: a picture joins the group whose nearest members are near enough, or founds one; groups whose pictures are on
the mean as near are merged, and then each picture joins the nearest group once more, as in the open world's study
(evaluation/open_world). How near is near enough is what `same` calls one person: one false accept in a thousand on the
people who calibrated. By the equal error rate, which is more lenient, groups swallowed one another: of 151 rendered
people 20 were left. Where too few people calibrated to tell a thousandth, the equal error rate stands in. Pictures are
taken in a seeded order, so that cameras and names that sort together tell nothing. A group of one picture stays:
somebody was seen once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sanreid import runtime
from sanreid.evaluation.calibration import Calibration
from sanreid.evaluation.open_world import refinement, stream
from sanreid.evaluation.open_world.stream import Link

LINK = Link(by="members", nearest=3)  # as many members' mean distance: one look-alike alone does not decide
SEED = 0
STRICT = "0.001"  # false accepts


@dataclass(frozen=True)
class Groups:
    """Whose pictures are whose: `labels` (N,), 0 the largest group, and the distance (1 - cosine) that decided."""

    labels: NDArray[np.int64]
    threshold: float

    @property
    def count(self) -> int:
        """How many people."""
        return int(self.labels.max()) + 1

    def members(self) -> list[NDArray[np.int64]]:
        """The rows of each group, largest group first."""
        return [np.flatnonzero(self.labels == g) for g in range(self.count)]


def threshold(known: Calibration) -> float:
    """The distance (1 - cosine) within which two pictures count as one person's, by a calibration."""
    strict = known.thresholds.get(STRICT)
    return 1 - (known.equal_error_similarity if strict is None else strict.similarity)


def group(features: NDArray[np.float32], within: float, seed: int = SEED) -> Groups:
    """Group the features (N, D) of pictures by distance `within` (1 - cosine, 0 to 2).

    Raises ValueError for no pictures, features that are not finite, or a distance out of range.
    """
    if not 0 <= within <= 2:
        raise ValueError(f"distance {within}: 1 - cosine is from 0 to 2")
    order = runtime.rng(seed, "cluster").permutation(len(features))
    points = stream.prepare(np.asarray(features)[order], "cosine")
    labels = stream.of_prepared(points, within, "cosine", LINK).labels
    labels = refinement.merge_prepared(points, labels, within, "cosine")
    labels = refinement.reassign_prepared(points, labels, "cosine", LINK, smallest=1)
    found = np.empty(len(order), np.int64)
    found[order] = labels
    _, first, sizes = np.unique(found, return_index=True, return_counts=True)
    rank = np.lexsort((first, -sizes))  # larger groups first, of equal ones the one whose first picture comes first
    place = np.empty_like(rank)
    place[rank] = np.arange(len(rank))
    return Groups(place[found], within)
