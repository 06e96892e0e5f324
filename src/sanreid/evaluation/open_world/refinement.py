"""Refinement of a stream's groups, whose order mattered: like groups are merged, then every image is reassigned once.

Early images decide with little knowledge: a class is founded twice where its first images lie far apart, and an image
joins a group before the nearer one exists. Both can be seen from the groups at the end, without labels:
- two groups are merged where their members are, on the mean, no further apart than `at` (average linkage, Sokal and
  Michener 1958, begun from the stream's groups); a mean of many pairs errs far less than one image's distance;
- with all groups known, every image joins the nearest; groups of fewer than `smallest` images take no part, and what
  was in them joins as the others do.
"""

import numpy as np
from numpy.typing import ArrayLike

from sanreid.evaluation.open_world import kernels
from sanreid.evaluation.open_world.stream import BLOCK, Labels, Link, Metric, Points, prepare


def merge(points: ArrayLike, labels: Labels, at: float, metric: Metric) -> Labels:
    """New labels (N,) of `points` (N, D), from 0 in the order of the old: groups whose members' mean distance is <= at.

    The nearest two are merged first, until none are left. The mean of 1 - cosine, or the root of the mean squared
    euclidean distance.
    """
    return merge_prepared(prepare(points, metric), labels, at, metric)


def merge_prepared(points: Points, labels: Labels, at: float, metric: Metric) -> Labels:
    """As `merge`, of points that `stream.prepare` made."""
    groups = int(labels.max()) + 1
    sums = _sums(points, labels, groups)
    squares = np.bincount(labels, np.einsum("nd,nd->n", points, points), groups)
    counts = np.bincount(labels, minlength=groups).astype(np.float64)
    into = kernels.merge(sums, counts, squares, metric == "cosine", float(at))
    return np.unique(into[labels], return_inverse=True)[1]


def reassign(points: ArrayLike, labels: Labels, metric: Metric, link: Link, smallest: int) -> Labels:
    """New labels (N,): every image joins the nearest of the groups that have at least `smallest` images.

    The groups are those of `labels` throughout: barycentres stay, and members are the others of a group, without the
    image itself (the only member of a group stays). Where no group is large enough, all take part.
    """
    return reassign_prepared(prepare(points, metric), labels, metric, link, smallest)


def reassign_prepared(points: Points, labels: Labels, metric: Metric, link: Link, smallest: int) -> Labels:
    """As `reassign`, of points that `stream.prepare` made."""
    sizes = np.bincount(labels)
    large = sizes >= smallest if (sizes >= smallest).any() else sizes > 0
    renumbered = np.where(large, np.cumsum(large) - 1, -1)[labels]
    members = sizes[large]
    found = np.empty(len(points), np.int64)
    cosine = metric == "cosine"
    if link.by == "centroid":
        inside = renumbered >= 0
        means = _sums(points[inside], renumbered[inside], len(members)) / members[:, None]
        if cosine:
            lengths = np.linalg.norm(means, axis=1, keepdims=True)
            distances = 1 - points @ (means / np.where(lengths > 0, lengths, 1)).T
        else:
            distances = np.stack([np.linalg.norm(points - mean, axis=1) for mean in means], axis=1)
        found = distances.argmin(1)
    else:
        squares, best = np.einsum("nd,nd->n", points, points), np.empty((len(members), link.nearest))
        for first in range(0, len(points), BLOCK):
            products = points[first : first + BLOCK] @ points.T
            kernels.reassign_by_members(
                products, first, squares, renumbered, members, cosine, link.nearest, best, found
            )
    return np.unique(found, return_inverse=True)[1]


def _sums(points: Points, labels: Labels, groups: int) -> Points:
    """The sum (groups, D) of each group's points."""
    return np.asarray(np.stack([np.bincount(labels, column, groups) for column in points.T], axis=1), np.float64)
