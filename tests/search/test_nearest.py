"""The nearest of a gallery against a plain sort, ties, the mean of several queries, and re-ranking."""

import numpy as np
import pytest

from sanreid.evaluation import reranking
from sanreid.search import nearest


def unit(seed, count, width=8):
    values = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


@pytest.mark.parametrize("top", [1, 7, 50, 60])
def test_as_a_plain_sort_finds_it_ties_in_the_gallerys_order(top, monkeypatch):
    query, gallery = unit(0, 9), np.repeat(unit(1, 25), 2, axis=0)  # everyone is there twice
    monkeypatch.setattr(nearest, "BLOCK", 2 * 4 * 50)  # two queries at a time
    found = nearest.nearest(query, gallery, top)
    for row, feature in enumerate(query):
        distances = 1 - feature[None] @ gallery.T
        want = sorted(range(50), key=lambda g: (round(float(distances[0, g]), 5), g))[:top]
        assert found.rows[row].tolist() == want
        np.testing.assert_allclose(found.distances[row], distances[0, want], atol=1e-6)


def test_re_ranked_as_the_evaluation_re_ranks():
    query, gallery = unit(0, 3), unit(1, 40)
    found = nearest.nearest(query, gallery, 5, rerank=True)
    want = reranking.k_reciprocal(query, gallery, 20, 6, 0.3)
    np.testing.assert_array_equal(found.distances, np.sort(want, axis=1)[:, :5].clip(0))
    np.testing.assert_array_equal(np.take_along_axis(want, found.rows, 1).clip(0), found.distances)


def test_several_pictures_ask_with_their_mean():
    features = unit(2, 4)
    mean = nearest.pooled(features)
    np.testing.assert_allclose(np.linalg.norm(mean), 1, atol=1e-6)
    np.testing.assert_allclose(mean[0] @ features.mean(0), np.linalg.norm(features.mean(0)), atol=1e-6)


def test_what_cannot_be_ranked_is_refused():
    with pytest.raises(ValueError, match="nothing to rank"):
        nearest.nearest(unit(0, 0), unit(1, 3), 1)
    with pytest.raises(ValueError, match="8 numbers, the gallery's 4"):
        nearest.nearest(unit(0, 1), unit(1, 3, 4), 1)
    with pytest.raises(ValueError, match="too few to re-rank"):
        nearest.nearest(unit(0, 1), unit(1, 3), 1, rerank=True)
