"""Stream clustering by every rule against plain loops; what it finds by hand; what it refuses."""

import numpy as np
import pytest

from sanreid.evaluation.open_world import kernels, stream
from sanreid.evaluation.open_world.stream import Adaptive, Link
from tests.evaluation.open_world import oracle
from tests.evaluation.open_world.clouds import clouds

LINKS = [("centroid", 1), ("members", 1), ("members", 3)]
METRICS = ["cosine", "euclidean"]
MIDDLING = {"cosine": (0.02, 0.1, 0.3), "euclidean": (0.5, 1.0, 2.0)}
FIXED = {"cosine": 0.1, "euclidean": 1.4}


def link(by, nearest):
    return Link(by=by, nearest=nearest)


def assert_same(points, thresholds, metric, by, nearest, adaptive=None):
    given = adaptive.model_dump() if adaptive else {}
    labels, limits = oracle.cluster(
        points.tolist(), np.broadcast_to(thresholds, len(points)), metric, by, nearest, **given
    )
    found = stream.cluster(points, thresholds, metric, link(by, nearest), adaptive)
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_allclose(found.thresholds, limits, rtol=1e-9)
    return found


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("by", "nearest"), LINKS)
def test_one_threshold_is_as_plain_loops_have_it(metric, by, nearest):
    for seed in range(3):
        points, _ = clouds(seed=seed)
        sizes = {assert_same(points, t, metric, by, nearest).labels.max() for t in MIDDLING[metric]}
        assert len(sizes) > 1  # the thresholds matter


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("by", "nearest"), LINKS)
def test_a_threshold_for_each_founder_is_as_plain_loops_have_it(metric, by, nearest):
    points, _ = clouds(seed=4)
    thresholds = np.random.default_rng(0).uniform(*MIDDLING[metric][::2], len(points))
    found = assert_same(points, thresholds, metric, by, nearest)
    first = [int(np.argmax(found.labels == g)) for g in range(len(found.thresholds))]
    np.testing.assert_array_equal(found.thresholds, thresholds[first])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("by", "nearest"), LINKS)
@pytest.mark.parametrize("fixed_for", [0, 20, 1000])
def test_fixed_then_adaptive_is_as_plain_loops_have_it(metric, by, nearest, fixed_for):
    points, _ = clouds(spread=0.5, seed=5)
    rule = Adaptive(fixed_for=fixed_for, sigmas=1.5, enough=4)
    found = assert_same(points, FIXED[metric], metric, by, nearest, rule)
    own = (found.thresholds != FIXED[metric]).any()
    assert own == (fixed_for < len(points))


@pytest.mark.parametrize(("by", "nearest"), LINKS)
def test_a_stream_longer_than_a_block_is_as_plain_loops_have_it(monkeypatch, by, nearest):
    monkeypatch.setattr(stream, "BLOCK", 7)
    points, _ = clouds(seed=6)
    assert_same(points, 0.1, "cosine", by, nearest)


def test_a_far_image_founds_a_group_and_a_near_one_joins_by_hand():
    line = np.array([[0.0], [1.0], [10.0], [2.5], [8.5]])
    nearest = stream.cluster(line, 1.6, "euclidean", link("members", 1))
    assert nearest.labels.tolist() == [0, 0, 1, 0, 1]  # 2.5 is 1.5 from 1
    barycentre = stream.cluster(line, 1.6, "euclidean", link("centroid", 1))
    assert barycentre.labels.tolist() == [0, 0, 1, 2, 1]  # and 2 from 0.5
    assert stream.cluster(line, 100, "euclidean", link("centroid", 1)).labels.tolist() == [0] * 5
    assert stream.cluster(line, 0, "euclidean", link("centroid", 1)).labels.tolist() == [0, 1, 2, 3, 4]


def test_a_threshold_is_kept_at_its_very_value():
    assert stream.cluster([[0.0], [1.0]], 1.0, "euclidean", link("members", 1)).labels.tolist() == [0, 0]


def test_the_nearest_of_the_groups_that_take_an_image_gets_it():
    points, thresholds = [[0.0], [10.0], [6.0]], [7.0, 1.0, 1.0]
    assert stream.cluster(points, thresholds, "euclidean", link("centroid", 1)).labels.tolist() == [0, 1, 0]


@pytest.mark.parametrize(("by", "nearest"), LINKS)
def test_well_parted_classes_are_found_whatever_the_order(by, nearest):
    points, classes = clouds(spread=0.02)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(points))
        labels = stream.cluster(points[order], 0.1, "cosine", link(by, nearest)).labels
        assert labels.max() == 3
        assert len(set(zip(labels.tolist(), classes[order].tolist(), strict=True))) == 4


def test_order_matters_where_classes_meet():
    points, _ = clouds(spread=0.6)
    orders = [np.random.default_rng(seed).permutation(len(points)) for seed in range(20)]
    found = {stream.cluster(points[o], 0.3, "cosine", link("centroid", 1)).labels.max() for o in orders}
    assert len(found) > 1


def test_zero_points_are_far_from_everything_by_the_cosine():
    points = [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [2.0, 0.1]]
    for by, nearest in LINKS:
        assert stream.cluster(points, 0.5, "cosine", link(by, nearest)).labels.tolist() == [0, 1, 2, 1]


def test_the_running_deviation_is_the_deviation():
    members, joined = np.ones(1, np.int64), np.zeros((1, 2))
    distances = np.random.default_rng(0).random(50)
    for distance in distances:
        kernels.join(distance, 0, members, joined)
        members[0] += 1
    np.testing.assert_allclose(joined[0], [distances.mean(), 50 * distances.var()])


@pytest.mark.parametrize(
    ("points", "threshold", "told"),
    [
        (np.zeros((0, 3)), 1, "at least one"),
        (np.zeros(3), 1, "at least one"),
        ([[1.0, np.nan]], 1, "1 of 1 points are not finite"),
        ([[1.0], [2.0]], -1, "none below 0"),
        ([[1.0], [2.0]], np.nan, "none below 0"),
        ([[1.0], [2.0]], [1.0, 1.0, 1.0], r"one number or \(2,\)"),
    ],
)
def test_what_cannot_be_grouped_is_refused(points, threshold, told):
    with pytest.raises(ValueError, match=told):
        stream.cluster(points, threshold, "euclidean", link("centroid", 1))
