"""Re-ranking against the published algorithm written out with full matrices and plain loops, from the paper's code."""

import logging

import numpy as np
import pytest

from sanreid.evaluation import ranking, reranking


def published(query, gallery, k1, k2, lambda_value):
    """Zhong et al. 2017, as their code does it: every matrix whole, every set a numpy array."""
    features = np.concatenate([query, gallery]).astype(np.float64)
    return published_distances(((features[:, None] - features[None, :]) ** 2).sum(2), len(query), k1, k2, lambda_value)


def published_distances(squared, q, k1, k2, lambda_value):
    """The same from the squared distances of all images, the first q of which are queries."""
    original = squared / squared.max(1, keepdims=True)
    n = len(squared)
    order = np.argsort(original, axis=1, kind="stable")
    v = np.zeros((n, n))
    for i in range(n):
        forward = order[i, : k1 + 1]
        backward = order[forward, : k1 + 1]
        reciprocal = forward[np.where(backward == i)[0]]
        expansion = reciprocal
        for candidate in reciprocal:
            half = int(np.around(k1 / 2)) + 1
            candidate_forward = order[candidate, :half]
            candidate_backward = order[candidate_forward, :half]
            candidates = candidate_forward[np.where(candidate_backward == candidate)[0]]
            if len(np.intersect1d(candidates, reciprocal)) > 2 / 3 * len(candidates):
                expansion = np.append(expansion, candidates)
        expansion = np.unique(expansion)
        weight = np.exp(-original[i, expansion])
        v[i, expansion] = weight / (weight.sum() or 1)  # an image that is far from itself may have no set
    if k2 != 1:
        v = np.stack([v[order[i, :k2]].mean(0) for i in range(n)])
    jaccard = np.zeros((q, n))
    for i in range(q):
        smaller = np.minimum(v[i], v).sum(1)
        jaccard[i] = 1 - smaller / (2 - smaller)
    return (jaccard * (1 - lambda_value) + original[:q] * lambda_value)[:, q:]


def people(queries, gallery, width=12, persons=9, seed=0):
    """Clusters that overlap, so that sets grow, expand and are refused."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(persons, width))
    draw = lambda n: (centres[random.integers(0, persons, n)] + 0.6 * random.normal(size=(n, width))).astype(np.float32)  # noqa: E731
    return draw(queries), draw(gallery)


@pytest.mark.parametrize(
    ("k1", "k2", "lambda_value"), [(20, 6, 0.3), (5, 2, 0.3), (7, 1, 0.0), (6, 3, 1.0), (1, 1, 0.5), (9, 10, 0.1)]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_equals_the_published_algorithm(k1, k2, lambda_value, seed):
    query, gallery = people(14, 90, seed=seed)
    ours = reranking.k_reciprocal(query, gallery, k1, k2, lambda_value)
    assert ours.dtype == np.float32
    assert np.abs(ours - published(query, gallery, k1, k2, lambda_value)).max() < 1e-5


def test_blocks_change_nothing(monkeypatch):
    query, gallery = people(11, 60, seed=3)
    whole = reranking.k_reciprocal(query, gallery, 8, 3)
    monkeypatch.setattr(reranking.distances, "BLOCK_BYTES", 4 * 60 * 3)  # three rows a block
    monkeypatch.setattr(reranking, "_PAIRS", 5)
    assert np.abs(reranking.k_reciprocal(query, gallery, 8, 3) - whole).max() < 1e-6


@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_neighbours_come_in_the_order_of_a_stable_sort(monkeypatch, rows):
    """A distance serves both its images; small whole numbers, so that ties abound and float32 is exact."""
    random = np.random.default_rng(rows)
    query, gallery = (random.integers(0, 3, (n, 4)).astype(np.float32) for n in (9, 40))
    monkeypatch.setattr(reranking.distances, "BLOCK_BYTES", 4 * 40 * rows)
    ranks, near, largest = reranking._neighbours(query, gallery, 7)
    together = np.concatenate([query, gallery])
    full = np.array([[((a - b) ** 2).sum() for b in together] for a in together])
    order = np.argsort(full, axis=1, kind="stable")[:, :8]
    assert np.array_equal(ranks, order)
    assert np.array_equal(near, np.take_along_axis(full, order, 1))
    assert np.array_equal(largest, full.max(1))


@pytest.mark.parametrize(("k1", "k2", "lambda_value"), [(20, 6, 0.3), (5, 2, 0.3), (7, 1, 0.0), (1, 1, 0.5)])
@pytest.mark.parametrize("own", [0.0, 0.8, 9.0])
def test_distances_that_are_of_no_features(monkeypatch, k1, k2, lambda_value, own):
    """`own`: an aligned distance of an image to itself is not 0, and may exceed that to another image."""
    query, gallery = people(14, 90)
    features = np.concatenate([query, gallery]).astype(np.float64)
    together = np.abs(features[:, None] - features[None, :]).sum(2).astype(np.float32)
    np.fill_diagonal(together, own)
    before = together.copy()
    expected = published_distances(np.square(together.astype(np.float64)), 14, k1, k2, lambda_value)
    for size in (reranking.distances.BLOCK_BYTES, 4 * 90 * 3):
        monkeypatch.setattr(reranking.distances, "BLOCK_BYTES", size)
        ours = reranking.from_distances(together, 14, k1, k2, lambda_value)
        assert ours.dtype == np.float32
        assert np.abs(ours - expected).max() < 1e-5
    assert np.array_equal(together, before)


def test_both_forms_agree_on_the_same_distances():
    query, gallery = people(11, 60, seed=3)
    features = np.concatenate([query, gallery])
    squared = reranking.distances.matrix(features, features)
    together = np.sqrt(squared.clip(min=0))
    ours = reranking.from_distances(together, 11, 8, 3)
    assert np.abs(ours - reranking.k_reciprocal(query, gallery, 8, 3)).max() < 1e-5


def test_a_matrix_that_is_not_of_all_images_is_refused():
    with pytest.raises(ValueError, match=r"distances \(4, 30\) of all images"):
        reranking.from_distances(np.ones((4, 30), np.float32), 4, 5, 2)
    with pytest.raises(ValueError, match="30 of them queries"):
        reranking.from_distances(np.ones((30, 30), np.float32), 30, 5, 2)
    with pytest.raises(ValueError, match="re-ranking 4 queries and 26 gallery images with k1 40"):
        reranking.from_distances(np.ones((30, 30), np.float32), 4, 40, 2)
    with pytest.raises(ValueError, match="not finite"):
        reranking.from_distances(np.full((30, 30), np.nan, np.float32), 4, 5, 2)


def test_the_published_expansion_is_used():
    """Without the 2/3 rule the numbers are others: the data reach it."""
    query, gallery = people(14, 90)
    plain = published(query, gallery, 20, 6, 0.3)
    calls = reranking.reranking_kernels.expanded_sets

    def without(ranks, k1, half):
        return calls(ranks, k1, -1)

    reranking.reranking_kernels.expanded_sets = without
    try:
        assert np.abs(reranking.k_reciprocal(query, gallery) - plain).max() > 1e-3
    finally:
        reranking.reranking_kernels.expanded_sets = calls


def test_it_helps_where_people_are_clusters():
    random = np.random.default_rng(5)
    centres = random.normal(size=(30, 16))
    pids = np.repeat(np.arange(30), 8)
    features = (centres[pids] + 0.9 * random.normal(size=(240, 16))).astype(np.float32)
    query, gallery = np.arange(240) % 8 == 0, np.arange(240) % 8 > 0
    before = ranking.evaluate(
        ranking.Embeddings(features[query], pids[query]), ranking.Embeddings(features[gallery], pids[gallery])
    )
    matrix = reranking.k_reciprocal(features[query], features[gallery], k1=7, k2=3)
    after = ranking.evaluate_distances(matrix, pids[query], pids[gallery])
    assert after.mean_average_precision > before.mean_average_precision + 0.02


def test_equal_images_are_no_trouble():
    features = np.ones((30, 4), np.float32)
    result = reranking.k_reciprocal(features[:5], features[5:], 4, 2)
    assert np.isfinite(result).all()


@pytest.mark.parametrize(
    ("k1", "k2", "lambda_value"), [(0, 1, 0.3), (20, 0, 0.3), (20, 22, 0.3), (40, 6, 0.3), (5, 2, 1.1)]
)
def test_what_makes_no_sense_is_refused(k1, k2, lambda_value):
    query, gallery = people(4, 30)
    with pytest.raises(ValueError, match=r"re-ranking 4 queries and 30 gallery images with k1"):
        reranking.k_reciprocal(query, gallery, k1, k2, lambda_value)


def test_broken_features_are_named():
    query, gallery = people(4, 30)
    gallery[7, 3] = np.nan
    with pytest.raises(ValueError, match=r"gallery features are not finite \(first in row 7\)"):
        reranking.k_reciprocal(query, gallery, 5, 2)
    with pytest.raises(ValueError, match="one model"):
        reranking.k_reciprocal(query, gallery[:, :5], 5, 2)


def test_large_memory_is_logged_before_it_is_allocated(caplog, monkeypatch):
    query, gallery = people(4, 30)
    result, extra = reranking.memory(3368, 19732)
    assert result == 4 * 3368 * 19732
    assert extra < 0.5e9
    monkeypatch.setattr(reranking, "LARGE", 0)
    with caplog.at_level(logging.WARNING, "sanreid"):
        reranking.k_reciprocal(query, gallery, 5, 2)
    assert "GB for the result" in caplog.text
