"""Calibration against plain loops and by hand: the two sequences of distances, and every threshold made of them."""

import itertools

import numpy as np
import pytest

from sanreid.evaluation.open_world import clustering_metrics, stream, thresholds
from sanreid.evaluation.open_world.stream import Link
from tests.evaluation.open_world import oracle
from tests.evaluation.open_world.clouds import clouds

METRICS = ["cosine", "euclidean"]
CENTROID, MEMBERS = Link(by="centroid", nearest=1), Link(by="members", nearest=3)


@pytest.mark.parametrize("metric", METRICS)
def test_distances_of_pairs_are_as_plain_loops_have_them(metric):
    points, classes = clouds(classes=3, each=5)
    inside, between = [], []
    for (a, one), (b, other) in itertools.combinations(zip(points.tolist(), classes, strict=True), 2):
        (inside if one == other else between).append(oracle.distance(a, b, metric))
    found = thresholds.measure(stream.prepare(points, metric), classes, metric, MEMBERS)
    np.testing.assert_allclose(found.inside, sorted(inside), atol=1e-7)
    np.testing.assert_allclose(found.between, sorted(between))


@pytest.mark.parametrize("metric", METRICS)
def test_distances_to_barycentres_are_as_plain_loops_have_them(metric):
    points, classes = clouds(classes=3, each=5)
    unit = [oracle.unit(point, metric) for point in points.tolist()]
    inside, between = [], []
    for c in range(3):
        middle = oracle.barycentre([p for p, label in zip(unit, classes, strict=True) if label == c])
        for point, label in zip(unit, classes, strict=True):
            (inside if label == c else between).append(oracle.distance(point, middle, metric))
    found = thresholds.measure(stream.prepare(points, metric), classes, metric, CENTROID)
    np.testing.assert_allclose(found.inside, sorted(inside))
    np.testing.assert_allclose(found.between, sorted(between))


def test_mean_and_deviations_by_hand():
    assert thresholds.mean_and_deviations(np.array([1.0, 3.0]), 3) == 5
    assert thresholds.mean_and_deviations(np.array([1.0, 3.0]), 0) == 2


def test_equal_error_by_hand():
    def at(inside, between):
        return thresholds.equal_error(thresholds.Sequences(np.array(inside), np.array(between)))

    assert 3 <= at([1.0, 2.0, 3.0], [5.0, 6.0, 7.0]) < 5  # no error at all
    assert at([1.0, 2.0, 3.0, 6.0], [4.0, 7.0, 8.0, 9.0]) == 4  # one of four is wrong on either side


def test_at_equal_error_both_shares_are_alike():
    rng = np.random.default_rng(0)
    inside, between = np.sort(rng.normal(1, 0.5, 4000)), np.sort(rng.normal(2, 0.5, 700))
    value = thresholds.equal_error(thresholds.Sequences(inside, between))
    assert (inside > value).mean() == pytest.approx((between <= value).mean(), abs=0.003)
    assert value == pytest.approx(1.5, abs=0.06)


@pytest.mark.parametrize("link", [CENTROID, MEMBERS])
def test_a_founder_borrows_the_threshold_of_the_class_it_resembles(link):
    points, classes = clouds(classes=3, each=6, spread=0.2)
    known, new = (stream.prepare(x, "euclidean") for x in (points, points[:4] + 0.01))
    found = thresholds.by_resemblance(new, known, classes, "euclidean", link, 2.0)
    for value, label in zip(found, classes[:4], strict=True):
        mine = points[classes == label].tolist()
        middle = oracle.barycentre(mine)
        if link.by == "centroid":
            inside = [oracle.distance(p, middle, "euclidean") for p in mine]
        else:
            inside = [oracle.distance(a, b, "euclidean") for a, b in itertools.combinations(mine, 2)]
        assert value == pytest.approx(np.mean(inside) + 2 * np.std(inside))
    assert len(set(found)) > 1


@pytest.mark.parametrize("metric", METRICS)
def test_halfway_is_between_the_widest_class_and_the_nearest_two(metric):
    points, classes = clouds(classes=3, each=6)
    unit = [oracle.unit(p, metric) for p in points.tolist()]
    groups = [[p for p, label in zip(unit, classes, strict=True) if label == c] for c in range(3)]

    def mean(pairs):
        if metric == "cosine":
            return np.mean([oracle.distance(a, b, metric) for a, b in pairs])
        return np.sqrt(np.mean([oracle.distance(a, b, metric) ** 2 for a, b in pairs]))

    widest = max(mean(list(itertools.combinations(group, 2))) for group in groups)
    nearest = min(mean(list(itertools.product(a, b))) for a, b in itertools.combinations(groups, 2))
    found = thresholds.halfway(stream.prepare(points, metric), classes, metric)
    assert found == pytest.approx((widest + nearest) / 2)


def test_the_best_value_is_the_middle_of_its_plateau():
    truth = np.array([0, 0, 1, 1])

    def run(value, order):
        return truth[order] if 3 <= value <= 5 else np.zeros(4, int)

    assert thresholds.best(np.arange(10.0), run, truth, [np.arange(4), np.array([3, 1, 0, 2])]) == 4
    assert thresholds.best(np.arange(4.0), run, truth, [np.arange(4)]) == 3


def test_a_tuned_stream_does_as_well_as_any_that_was_tried():
    points, classes = clouds(spread=0.3)
    known = stream.prepare(points, "cosine")
    order = [np.arange(len(points))]

    def run(value, order):
        return stream.of_prepared(known[order], value, "cosine", CENTROID).labels

    tried = thresholds.candidates(thresholds.measure(known, classes, "cosine", CENTROID), 15)
    scores = [clustering_metrics.measure(classes, run(value, order[0])).adjusted_rand for value in tried]
    value = thresholds.best(tried, run, classes, order)
    assert tried[0] <= value <= tried[-1]
    assert clustering_metrics.measure(classes, run(value, order[0])).adjusted_rand >= max(scores) - 0.05


@pytest.mark.parametrize("classes", [[0, 0, 0], [0, 1, 2]])
def test_a_set_with_one_class_or_no_pair_within_a_class_is_refused(classes):
    points = stream.prepare(np.eye(3), "euclidean")
    with pytest.raises(ValueError, match="at least two classes, and two images of one"):
        thresholds.measure(points, np.array(classes), "euclidean", MEMBERS)
