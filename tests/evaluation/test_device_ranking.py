"""The GPU's way of ranking, run on the CPU, against counting: same rules, same ties, same scores."""

import numpy as np
import pytest
import torch

from sanreid.evaluation import device_ranking, distances, ranking, ranking_metrics
from sanreid.evaluation.ranking import Embeddings

CPU = torch.device("cpu")


def people(queries=25, gallery=120, width=4, seed=0):
    """Junk, distractors, queries without a match, and many equal distances."""
    random = np.random.default_rng(seed)
    q, g = (random.integers(-1, 2, (n, width)).astype(np.float32) for n in (queries, gallery))
    return (
        Embeddings(q, random.integers(0, 12, queries), random.integers(1, 4, queries)),
        Embeddings(g, random.integers(-1, 11, gallery), random.integers(1, 4, gallery)),
    )


def there(query, gallery, metric="euclidean", first_k=None, distractor=0):
    """`ranking.evaluate` by the way of the device."""
    scores = ranking_metrics.People(query.pids, gallery.pids, query.camids, gallery.camids, distractor, first_k)
    for start, block in device_ranking.blocks(query.features, gallery.features, metric, CPU):
        scores.score_there(start, block)
    return scores.result(50)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("distractor", [0, None])
def test_equals_counting_with_ties_junk_and_distractors(seed, distractor):
    query, gallery = people(seed=seed)
    expected = ranking.evaluate(query, gallery, first_k=7, distractor=distractor)
    ours = there(query, gallery, first_k=7, distractor=distractor)
    assert 0 < expected.left_out < 25
    np.testing.assert_array_equal(ours.first_match, expected.first_match)
    np.testing.assert_allclose(ours.average_precision, expected.average_precision, rtol=1e-12)
    for name in ("mean_inverse_negative_penalty", "shortened_mean_average_precision", "mean_average_precision"):
        assert getattr(ours, name) == pytest.approx(getattr(expected, name), rel=1e-12), name
    assert (ours.queries, ours.left_out, ours.gallery) == (expected.queries, expected.left_out, expected.gallery)
    np.testing.assert_array_equal(ours.cmc, expected.cmc)


def test_without_cameras():
    query, gallery = people()
    bare = [Embeddings(e.features, e.pids) for e in (query, gallery)]
    np.testing.assert_array_equal(there(*bare).first_match, ranking.evaluate(*bare).first_match)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_distances_are_those_of_the_cpu(metric, monkeypatch):
    random = np.random.default_rng(0)
    q, g = (random.normal(size=(n, 6)).astype(np.float32) for n in (9, 31))
    monkeypatch.setattr(distances, "BLOCK_BYTES", 4 * 31 * 16)  # two rows a block
    parts = list(device_ranking.blocks(q, g, metric, CPU))
    assert [start for start, _ in parts] == [0, 2, 4, 6, 8]
    together = torch.cat([block for _, block in parts]).numpy()
    np.testing.assert_allclose(together, distances.matrix(q, g, metric), atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="wants a GPU")
def test_a_gpu_gives_the_cpus_numbers():
    random = np.random.default_rng(1)
    query, gallery = (
        Embeddings(random.normal(size=(n, 32)).astype(np.float32), random.integers(1, 30, n), random.integers(1, 5, n))
        for n in (60, 900)
    )
    ours, expected = ranking.evaluate(query, gallery, device="cuda"), ranking.evaluate(query, gallery)
    assert ours.mean_average_precision == pytest.approx(expected.mean_average_precision, abs=1e-5)
    np.testing.assert_allclose(ours.cmc, expected.cmc, atol=0.02)
