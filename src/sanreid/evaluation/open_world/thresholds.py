"""Calibrates distance thresholds on a few labelled classes that are held out for this.

Two samples of distances are measured: within classes and between classes; of images to barycentres, or of pairs of
images, depending on how groups are defined (`Link`). The published rules use the first (mean + 3 standard deviations of
the in-class distances, over all classes or per class). Two more rules use both: the threshold with equal error rates,
and the one with which the stream gives the best result on the held-out classes.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sanreid.evaluation.open_world import clustering_metrics
from sanreid.evaluation.open_world.stream import Labels, Link, Metric, Points

Distances = NDArray[np.float64]
NEARLY = 0.01  # thresholds whose adjusted Rand index is this close to the best are considered equally good


class Sequences(NamedTuple):
    """Distances in ascending order."""

    inside: Distances  # within a class
    between: Distances  # between classes


def measure(points: Points, labels: Labels, metric: Metric, link: Link) -> Sequences:
    """The sequences of labelled `points` (N, D) that `stream.prepare` made, for groups formed by `link`.

    Raises ValueError for fewer than two classes, or where no class has two images.
    """
    if link.by == "centroid":
        distances = to_barycentres(points, labels, metric)
        own = labels[:, None] == np.unique(labels)
    else:
        distances = pairs(points, metric)
        first, second = np.triu_indices(len(points), 1)
        own = labels[first] == labels[second]
    if not own.any() or own.all():
        raise ValueError("calibration needs at least two classes, and two images of one of them")
    return Sequences(np.sort(distances[own]), np.sort(distances[~own]))


def pairs(points: Points, metric: Metric) -> Distances:
    """The distances of all pairs i < j, in the order of `np.triu_indices`."""
    upper = np.triu_indices(len(points), 1)
    products = (points @ points.T)[upper]
    if metric == "cosine":
        return 1 - products
    squares = np.einsum("nd,nd->n", points, points)
    return np.sqrt(np.maximum(squares[upper[0]] + squares[upper[1]] - 2 * products, 0))


def to_barycentres(points: Points, labels: Labels, metric: Metric) -> Distances:
    """(N, C): each image's distance to the barycentre of each class, the classes in ascending order."""
    means = np.stack([points[labels == c].mean(0) for c in np.unique(labels)])
    if metric == "cosine":
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        return 1 - points @ (means / np.where(lengths > 0, lengths, 1)).T
    return np.stack([np.linalg.norm(points - mean, axis=1) for mean in means], axis=1)


def mean_and_deviations(inside: Distances, sigmas: float) -> float:
    """Mean + `sigmas` standard deviations of the in-class distances."""
    return float(inside.mean() + sigmas * inside.std())


def equal_error(sequences: Sequences) -> float:
    """The threshold above which the share of in-class distances equals that of the others at or below it."""
    values = np.unique(np.concatenate(sequences))
    inside, between = sequences
    above = 1 - np.searchsorted(inside, values, "right") / len(inside)
    below = np.searchsorted(between, values, "right") / len(between)
    place = int(np.argmax(below >= above))  # the shares cross here, or between here and the value before
    if place == 0 or below[place] == above[place]:
        return float(values[place])
    return float(values[place - 1] + values[place]) / 2


def by_resemblance(
    stream: Points, points: Points, labels: Labels, metric: Metric, link: Link, sigmas: float
) -> Distances:
    """A threshold for each image of `stream` (M, D): that of the calibration class with the nearest barycentre.

    A class's threshold is the mean + `sigmas` standard deviations of its in-class distances. A new class has none, so a
    new group uses that of the calibration class most similar to its founder.
    """
    own = []
    for c in np.unique(labels):
        mine = points[labels == c]
        inside = to_barycentres(mine, labels[labels == c], metric) if link.by == "centroid" else pairs(mine, metric)
        own.append(mean_and_deviations(inside, sigmas) if inside.size else 0.0)
    nearest = to_barycentres(np.concatenate([points, stream]), np.r_[labels, np.full(len(stream), -1)], metric)
    return np.asarray(own)[nearest[len(points) :, 1:].argmin(1)]


def halfway(points: Points, labels: Labels, metric: Metric) -> float:
    """The threshold for merging groups: midway between the widest class and the nearest two classes.

    Both are mean distances of pairs, as in `refinement.merge`. (For 24 people of the embedded Market-1501 the width of
    a typical class as threshold gave 35 groups, that of the widest class 9, this rule 23; for digits all three are
    similar.) Classes with one image are ignored for the width.
    """
    classes = np.unique(labels)
    sums = np.stack([points[labels == c].sum(0) for c in classes])
    counts = np.array([(labels == c).sum() for c in classes], float)
    squares = np.array([(points[labels == c] ** 2).sum() for c in classes])
    products = sums @ sums.T
    many = counts > 1
    within = (np.diag(products)[many] - squares[many]) / (counts[many] * (counts[many] - 1))
    upper = np.triu_indices(len(classes), 1)
    across = (products / np.outer(counts, counts))[upper]
    if metric == "cosine":
        inside, between = 1 - within, 1 - across
    else:
        norms = squares / counts
        inside = np.sqrt(np.maximum(2 * norms[many] - 2 * within, 0))
        between = np.sqrt(np.maximum(norms[upper[0]] + norms[upper[1]] - 2 * across, 0))
    return float(inside.max() + between.min()) / 2


def candidates(sequences: Sequences, count: int) -> Distances:
    """`count` thresholds to try, evenly spaced from a strict one to one that hardly separates classes."""
    return np.linspace(np.quantile(sequences.inside, 0.25), np.quantile(sequences.between, 0.75), count)


def best(
    values: Sequence[float] | Distances,
    run: Callable[[float, NDArray[np.int64]], Labels],
    labels: Labels,
    orders: Sequence[NDArray[np.int64]],
) -> float:
    """The one of ascending `values` for which `run(value, order)` agrees best with the classes, over all `orders`.

    Agreement is the adjusted Rand index. If neighbouring values are as good as the best, the middle one is taken, which
    is the most robust.
    """
    scores = np.array(
        [
            np.mean([clustering_metrics.measure(labels[o], run(value, o)).adjusted_rand for o in orders])
            for value in values
        ]
    )
    top = int(scores.argmax())
    good = scores >= scores[top] - NEARLY
    low = high = top
    while low > 0 and good[low - 1]:
        low -= 1
    while high + 1 < len(values) and good[high + 1]:
        high += 1
    return float(values[low] + values[high]) / 2
