"""Stream clustering: how many classes are in a stream of images without labels, and which image belongs where?

The rule of the source (the open-world study on MNIST): an image whose distance to every group exceeds that group's
threshold starts ("founds") a new group; otherwise it joins the nearest group within its threshold. The distance to a
group is that to its barycentre, or the mean distance to its `nearest` nearest members (with 1 as in DBSCAN). The number
of classes is not given, each image is seen once, and no labels are used.

Decisions: each group has the threshold of the image that founded it, so one number, or one per image, expresses all
published rules: one threshold; the threshold of the calibration class most similar to the founder; and "fixed, then
adaptive", where after the first `fixed_for` images a group's threshold is the mean + `sigmas` standard deviations of
the distances at which its members joined. (The source says mean +- 3 sigma; a lower limit makes no sense for a
distance.)
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sanreid.bounds import Count, Neighbours, Sigmas, Some
from sanreid.evaluation.open_world import kernels
from sanreid.params import Section

Metric = Literal["cosine", "euclidean"]
BLOCK = 256  # images whose products with all earlier ones are computed at once
Points = NDArray[np.float64]
Labels = NDArray[np.int64]


class Link(Section):
    """How the distance between an image and a group is defined."""

    by: Literal["centroid", "members"]  # the barycentre, or the nearest members
    nearest: Neighbours  # members whose mean distance counts; of no account for the barycentre


class Adaptive(Section):
    """Fixed, then adaptive thresholds."""

    fixed_for: Count  # images; afterwards each group has its own threshold
    sigmas: Sigmas  # deviations above the mean of the distances at which members joined
    enough: Some  # such distances that a group must have; with fewer its first threshold stays


class Groups(NamedTuple):
    """The groups of a stream."""

    labels: Labels  # (N,) numbered by founding, from 0
    thresholds: NDArray[np.float64]  # (G,) each group's at the end


def prepare(points: ArrayLike, metric: Metric) -> Points:
    """The points (N, D) as contiguous float64, of unit length for the cosine (a zero point stays, 1 from everything).

    Raises ValueError where they are no (N, D) numbers, or not finite.
    """
    values = np.ascontiguousarray(points, np.float64)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"points must be (N, D), at least one, given {values.shape}")
    if bad := int((~np.isfinite(values).all(1)).sum()):
        raise ValueError(f"{bad} of {len(values)} points are not finite; did the training diverge?")
    if metric == "cosine":
        lengths = np.linalg.norm(values, axis=1, keepdims=True)
        return values / np.where(lengths > 0, lengths, 1)
    return values


def cluster(
    points: ArrayLike, threshold: ArrayLike, metric: Metric, link: Link, adaptive: Adaptive | None = None
) -> Groups:
    """Group `points` (N, D), taken in their order.

    `threshold` is a number or (N,), for the group that each image would found, in the metric's units (1 - cosine, or
    the euclidean distance). Raises ValueError for thresholds that do not fit or are below 0 or NaN, and as `prepare`.
    """
    return of_prepared(prepare(points, metric), threshold, metric, link, adaptive)


def of_prepared(
    points: Points, threshold: ArrayLike, metric: Metric, link: Link, adaptive: Adaptive | None = None
) -> Groups:
    """As `cluster`, of points that `prepare` made: what runs many orders prepares once."""
    count = len(points)
    founding = np.asarray(threshold, np.float64)
    if founding.shape not in ((), (count,)) or not (founding >= 0).all():
        raise ValueError(f"thresholds must be one number or ({count},), none below 0, given {founding}")
    founding = np.ascontiguousarray(np.broadcast_to(founding, count))
    when = (adaptive.fixed_for, adaptive.sigmas, adaptive.enough) if adaptive else (kernels.NEVER, 0.0, 1)
    labels, limits = np.empty(count, np.int64), np.empty(count)
    cosine = metric == "cosine"
    if link.by == "centroid":
        groups = kernels.by_centroid(points, founding, cosine, *when, labels, limits)
        return Groups(labels, limits[:groups].copy())
    members, joined = np.zeros(count, np.int64), np.zeros((count, 2))
    state = labels, limits, members, joined, np.empty((count, link.nearest)), np.empty(count)
    squares, groups = np.einsum("nd,nd->n", points, points), 0
    for first in range(0, count, BLOCK):
        stop = min(first + BLOCK, count)
        products = points[first:stop] @ points[:stop].T
        groups = kernels.by_members(products, first, squares, founding, cosine, link.nearest, *when, state, groups)
    kernels.settle(groups, count, *when, members, joined, limits)
    return Groups(labels, limits[:groups].copy())
