"""Refinement of a stream's groups, to reduce the influence of the order: similar groups are merged, images reassigned.

Early decisions of a stream are unreliable: a class gets two groups if its first images are far apart, and an image
joins a group before a nearer one exists. Both can be corrected at the end, without labels:
- two groups are merged if the mean distance between their members is at most `at` (average linkage, Sokal and Michener
  1958, starting from the stream's groups); the mean over many pairs is more reliable than one image's distance;
- then every image joins the nearest group; groups of fewer than `smallest` images are dissolved, and their images
  reassigned like all others.
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
