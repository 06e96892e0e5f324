"""Pooled queries against plain loops."""

import numpy as np
import pytest

from sanreid.evaluation import multi_query, ranking


@pytest.mark.parametrize("how", ["mean", "max"])
def test_equals_a_plain_loop(how):
    random = np.random.default_rng(0)
    images = ranking.Embeddings(
        random.normal(size=(40, 5)).astype(np.float32), random.integers(3, 9, 40), random.integers(1, 4, 40)
    )
    groups: dict[tuple[int, int], list[np.ndarray]] = {}
    for feature, pid, camid in zip(images.features, images.pids, images.camids, strict=True):
        groups.setdefault((int(pid), int(camid)), []).append(feature)
    pooled = multi_query.pool(images, how)
    assert list(zip(pooled.pids.tolist(), pooled.camids.tolist(), strict=True)) == list(groups)
    for ours, members in zip(pooled.features, groups.values(), strict=True):
        plain = np.mean(members, axis=0) if how == "mean" else np.max(members, axis=0)
        np.testing.assert_allclose(ours, plain, rtol=1e-5, atol=1e-6)


def test_several_images_ask_better_than_one():
    random = np.random.default_rng(1)
    centres = random.normal(size=(40, 8))
    pids = np.repeat(np.arange(1, 41), 6)
    features = (centres[pids - 1] + 0.9 * random.normal(size=(240, 8))).astype(np.float32)
    camids = np.tile([1, 1, 1, 2, 2, 2], 40)
    query = ranking.Embeddings(features[camids == 1], pids[camids == 1], camids[camids == 1])
    gallery = ranking.Embeddings(features[camids == 2], pids[camids == 2], camids[camids == 2])
    together = ranking.evaluate(multi_query.pool(query), gallery)
    assert together.queries == 40
    assert together.mean_average_precision > ranking.evaluate(query, gallery).mean_average_precision + 0.05


def test_cameras_are_needed():
    with pytest.raises(ValueError, match="give camids"):
        multi_query.pool(ranking.Embeddings(np.ones((2, 3), np.float32), np.array([1, 2])))
