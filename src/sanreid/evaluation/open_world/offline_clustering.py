"""Offline clusterings of scikit-learn that need no number of classes, for comparison with the stream.

Decisions: they use all images at once, and do not depend on the order except for border points. Each has one parameter,
calibrated like the stream's threshold: the value that is best on the held-out classes. DBSCAN (Ester et al. 1996) and
HDBSCAN (Campello et al. 2013) leave some images in no group (label -1). For cosine distance they work on unit vectors,
whose euclidean distance gives the same order; agglomerative clustering (average linkage) uses the cosine distance
itself.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering  # pyrefly: ignore[missing-module-attribute]

from sanreid.bounds import OneOrMore, Some
from sanreid.evaluation.open_world import thresholds
from sanreid.evaluation.open_world.stream import Labels, Metric, Points
from sanreid.params import Section

Size = Annotated[int, Field(ge=2, le=10_000_000)]  # of a cluster: one image is none
Most = Annotated[int, Field(ge=1, le=1_000_000)]  # a million images are 8 terabytes of pairs


class Peers(Section):
    """Parameters of the offline clusterings beside the calibrated one."""

    core: Some  # DBSCAN: images within the radius that make a core point, itself among them
    sizes: OneOrMore[Size]  # HDBSCAN: the smallest cluster's size, the candidates
    most: Most  # images up to which they are run; agglomerative clustering takes 8 bytes a pair and more


class Peer(NamedTuple):
    """An offline clustering by name, and its calibrated parameter."""

    name: str
    value: float
    run: Callable[[Points], Labels]


def calibrate(points: Points, labels: Labels, metric: Metric, tried: NDArray[np.float64], p: Peers) -> list[Peer]:
    """Each peer with its best number on labelled `points` (N, D); `tried` are distances between images."""
    whole = [np.arange(len(points))]
    found = []
    for name, work, values in (
        ("dbscan", partial(dbscan, metric=metric, core=p.core), tried),
        ("hdbscan", hdbscan, [float(s) for s in sorted(p.sizes) if s <= len(points)] or [2.0]),
        ("agglomerative", partial(agglomerative, metric=metric), tried),
    ):
        value = thresholds.best(values, lambda v, order, work=work: work(points[order], v), labels, whole)
        found.append(Peer(name, value, partial(_at, work, value)))
    return found


def _at(work: Callable[[Points, float], Labels], value: float, points: Points) -> Labels:
    return work(points, value)


def dbscan(points: Points, radius: float, metric: Metric, core: int) -> Labels:
    """DBSCAN with the radius in the metric's units."""
    eps = np.sqrt(2 * radius) if metric == "cosine" else radius
    return DBSCAN(eps=max(float(eps), 1e-9), min_samples=core).fit_predict(points)


def hdbscan(points: Points, smallest: float) -> Labels:
    """HDBSCAN with clusters of at least `smallest` images (of 2 at least, and no more than there are)."""
    size = max(2, min(round(smallest), len(points)))
    return HDBSCAN(min_cluster_size=size, copy=True).fit_predict(points)


def agglomerative(points: Points, threshold: float, metric: Metric) -> Labels:
    """Average linkage up to `threshold`."""
    if len(points) < 2:
        return np.zeros(len(points), np.int64)
    model = AgglomerativeClustering(n_clusters=None, distance_threshold=threshold, metric=metric, linkage="average")
    return model.fit_predict(points)
