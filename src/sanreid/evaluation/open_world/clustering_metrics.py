"""Clustering metrics: number of groups, accuracy by one-to-one matching, adjusted Rand index, mutual information.

Decisions: all four follow from the contingency table (classes by groups), which is computed once. For accuracy each
class is matched with at most one group so that most images are correct (Kuhn 1955, the Hungarian method); images in a
group without a class are wrong. A label below 0 means "in no group" (DBSCAN's noise): it is not counted as a group and
never correct; for the two indices all such images form one group, as in scikit-learn.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment


class ClusteringMetrics(NamedTuple):
    """Fractions in [0, 1], but for the counts and for the adjusted Rand index, which is 0 for chance, 1 at most."""

    classes: int
    found: int
    accuracy: float
    adjusted_rand: float
    mutual_information: float  # normalised by the arithmetic mean of the entropies


def measure(classes: ArrayLike, groups: ArrayLike) -> ClusteringMetrics:
    """The metrics of `groups` (N,) against `classes` (N,); ValueError for none, or for different lengths."""
    truth, labels = np.asarray(classes), np.asarray(groups)
    if truth.shape != labels.shape or truth.ndim != 1 or not len(truth):
        raise ValueError(f"classes {truth.shape} and groups {labels.shape} must be two lists of one length, not empty")
    _, row = np.unique(truth, return_inverse=True)
    names, column = np.unique(np.where(labels < 0, -1, labels), return_inverse=True)
    table = np.zeros((row.max() + 1, len(names)), np.int64)
    np.add.at(table, (row, column), 1)
    proper = table[:, names >= 0]
    right = proper[linear_sum_assignment(proper, maximize=True)].sum()
    return ClusteringMetrics(len(table), proper.shape[1], float(right / len(truth)), _rand(table), _information(table))


def _rand(table: NDArray[np.int64]) -> float:
    """Hubert and Arabie's index (1985) from pairs of images."""

    def pairs(counts: NDArray[np.int64]) -> float:
        return float((counts * (counts - 1)).sum()) / 2

    both, rows, columns, every = (pairs(x) for x in (table, table.sum(1), table.sum(0), table.sum()))
    if rows == columns and both == rows:  # the same partition, where the quotient below may be 0 / 0
        return 1.0
    chance = rows * columns / every
    return (both - chance) / ((rows + columns) / 2 - chance)


def _information(table: NDArray[np.int64]) -> float:
    """Mutual information over the mean of the entropies; 1 where both sides have one class alone."""
    joint = table / table.sum()
    rows, columns = joint.sum(1), joint.sum(0)
    entropies = -(rows @ np.log(rows)) - columns @ np.log(columns)
    if entropies <= 1e-12:
        return 1.0
    here = joint > 0
    shared = (joint[here] * np.log(joint[here] / np.outer(rows, columns)[here])).sum()
    return float(np.clip(2 * shared / entropies, 0, 1))
