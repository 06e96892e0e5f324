"""Merging and the second pass against plain loops, and what they do to a stream whose order was unlucky."""

import numpy as np
import pytest

from sanreid.evaluation.open_world import clustering_metrics, refinement, stream
from sanreid.evaluation.open_world.stream import Link
from tests.evaluation.open_world import oracle
from tests.evaluation.open_world.clouds import clouds

METRICS = ["cosine", "euclidean"]
TIGHT = {"cosine": 0.02, "euclidean": 0.6}
CENTROID = Link(by="centroid", nearest=1)


def begun(metric, seed, spread=0.4):
    points, classes = clouds(spread=spread, seed=seed)
    return points, classes, stream.cluster(points, TIGHT[metric], metric, CENTROID).labels


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("at", [0.0, 0.1, 0.5, 1.1, 2.0, 9.0])
def test_groups_are_merged_as_plain_loops_merge_them(metric, at):
    for seed in range(3):
        points, _, labels = begun(metric, seed)
        expected = oracle.merge(points.tolist(), labels.tolist(), at, metric)
        np.testing.assert_array_equal(refinement.merge(points, labels, at, metric), expected)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("by", "nearest"), [("centroid", 1), ("members", 1), ("members", 3)])
@pytest.mark.parametrize("smallest", [1, 2, 4, 1000])
def test_every_image_chooses_again_as_in_plain_loops(monkeypatch, metric, by, nearest, smallest):
    monkeypatch.setattr(refinement, "BLOCK", 7)
    points, _, labels = begun(metric, seed=1)
    expected = oracle.reassign(points.tolist(), labels.tolist(), metric, by, nearest, smallest)
    found = refinement.reassign(points, labels, metric, Link(by=by, nearest=nearest), smallest)
    np.testing.assert_array_equal(found, expected)


def test_a_class_founded_twice_becomes_one():
    line = np.array([[0.0], [3.0], [1.0], [2.0], [1.5], [20.0], [21.0]])
    labels = stream.cluster(line, 1.3, "euclidean", CENTROID).labels
    assert labels.tolist() == [0, 1, 0, 1, 0, 2, 2]
    assert refinement.merge(line, labels, 2.5, "euclidean").tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert refinement.merge(line, labels, 1.0, "euclidean").tolist() == labels.tolist()


def test_a_group_too_small_is_taken_in_by_the_nearest():
    line = np.array([[0.0], [0.1], [5.0], [5.1], [3.0]])
    found = refinement.reassign(line, np.array([0, 0, 1, 1, 2]), "euclidean", CENTROID, 2)
    assert found.tolist() == [0, 0, 1, 1, 1]


def test_the_order_matters_less_afterwards():
    points, classes = clouds(classes=5, each=40, spread=0.3)
    before, after = [], []
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(len(points))
        labels = stream.cluster(points[order], 0.15, "cosine", CENTROID).labels
        mended = refinement.merge(points[order], labels, 0.3, "cosine")
        mended = refinement.reassign(points[order], mended, "cosine", CENTROID, 5)
        before.append(clustering_metrics.measure(classes[order], labels))
        after.append(clustering_metrics.measure(classes[order], mended))
    assert np.std([a.found for a in after]) < np.std([b.found for b in before])
    assert np.mean([a.accuracy for a in after]) > np.mean([b.accuracy for b in before])
