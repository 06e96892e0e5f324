"""The peers find what is plain to see, by a number that calibration gave them."""

import numpy as np
import pytest

from sanreid.evaluation.open_world import clustering_metrics, offline_clustering, stream, thresholds
from sanreid.evaluation.open_world.stream import Link
from tests.evaluation.open_world.clouds import clouds

SECTION = offline_clustering.Peers(core=3, sizes=[4, 8, 1000], most=10_000)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_classes_never_calibrated_on_are_found(metric):
    points, classes = clouds(classes=6, each=20, size=8, spread=0.12, even=True)
    known, new = classes < 2, classes >= 2
    prepared = stream.prepare(points, metric)
    link = Link(by="members", nearest=1)
    tried = thresholds.candidates(thresholds.measure(prepared[known], classes[known], metric, link), 16)
    found = offline_clustering.calibrate(prepared[known], classes[known], metric, tried, SECTION)
    assert [peer.name for peer in found] == ["dbscan", "hdbscan", "agglomerative"]
    for peer in found:
        result = clustering_metrics.measure(classes[new], peer.run(prepared[new]))
        assert result.found == 4
        assert result.accuracy > 0.95


def test_dbscan_by_the_cosine_keeps_the_radius_of_the_cosine():
    angles = np.deg2rad([0, 10, 20, 60, 70, 80])
    points = np.stack([np.cos(angles), np.sin(angles)], 1)
    step = 1 - np.cos(np.deg2rad(10))
    assert offline_clustering.dbscan(points, step * 1.01, "cosine", 2).tolist() == [0, 0, 0, 1, 1, 1]
    assert offline_clustering.dbscan(points, step * 0.99, "cosine", 2).tolist() == [-1] * 6


def test_few_images_are_no_error():
    for count in (2, 3):
        points = np.eye(3)[:count]
        assert len(offline_clustering.hdbscan(points, 50.0)) == count
    assert offline_clustering.agglomerative(np.eye(3)[:1], 0.5, "cosine").tolist() == [0]
