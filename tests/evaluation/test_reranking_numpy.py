"""numpy's loops against the compiled ones: every bit, also of images that coincide and of blocks and pieces."""

import numpy as np
import pytest

from sanreid.evaluation import reranking, reranking_numpy
from tests.evaluation.test_reranking import people


@pytest.mark.parametrize("pieces", [1 << 22, 500])
@pytest.mark.parametrize(
    ("k1", "k2", "lambda_value"), [(20, 6, 0.3), (5, 2, 0.3), (7, 1, 0.0), (1, 1, 0.5), (9, 10, 0.1)]
)
def test_bit_for_bit_the_compiled_loops(monkeypatch, k1, k2, lambda_value, pieces):
    query, gallery = people(14, 90)
    gallery[[3, 40, 41]] = query[5]
    compiled = reranking.k_reciprocal(query, gallery, k1, k2, lambda_value)
    monkeypatch.setattr(reranking_numpy, "PAIRS", pieces)
    monkeypatch.setattr(reranking.distances, "BLOCK_BYTES", 4 * 90 * 7)
    blocks = reranking.k_reciprocal(query, gallery, k1, k2, lambda_value)
    arrays = reranking.k_reciprocal(query, gallery, k1, k2, lambda_value, compiled=False)
    assert np.array_equal(arrays, blocks)
    assert np.abs(arrays - compiled).max() < 1e-6


def test_images_that_are_all_alike():
    features = np.ones((60, 4), np.float32)
    both = [reranking.k_reciprocal(features[:5], features[5:], 4, 2, compiled=c) for c in (True, False)]
    assert np.array_equal(*both)


@pytest.mark.parametrize("compiled", [True, False])
def test_jaccard_distances_of_one_set_are_what_is_blended(monkeypatch, compiled):
    images, _ = people(80, 1)
    blocks = [(first, block.copy()) for first, block in reranking.jaccard(images, 10, 3, compiled)]
    whole = np.concatenate([block for _, block in blocks])
    assert np.abs(whole - whole.T).max() < 1e-6
    assert np.abs(np.diag(whole)).max() < 1e-6
    blended = reranking.k_reciprocal(images[:30], images[30:], 10, 3, 0.0)
    assert np.abs(whole[:30, 30:] - blended).max() < 1e-5
    monkeypatch.setattr(reranking.distances, "BLOCK_BYTES", 4 * 80 * 9)
    again = np.concatenate([block.copy() for _, block in reranking.jaccard(images, 10, 3, compiled)])
    assert np.abs(again - whole).max() < 1e-6
