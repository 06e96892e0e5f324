"""The GPU's way of re-ranking, run on the CPU: the published algorithm's numbers, the same ties, any block."""

import numpy as np
import pytest
import torch

from sanreid.evaluation import device_reranking, reranking
from tests.evaluation.test_reranking import people, published

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("k1", "k2", "lambda_value"), [(20, 6, 0.3), (5, 2, 0.3), (7, 1, 0.0), (6, 3, 1.0), (1, 1, 0.5), (9, 10, 0.1)]
)
def test_equals_the_published_algorithm_and_the_cpus(k1, k2, lambda_value):
    query, gallery = people(14, 90, seed=1)
    ours = reranking.there(query, gallery, k1, k2, lambda_value, CPU)
    assert ours.dtype == np.float32
    assert np.abs(ours - published(query, gallery, k1, k2, lambda_value)).max() < 1e-5
    assert np.abs(ours - reranking.k_reciprocal(query, gallery, k1, k2, lambda_value)).max() < 1e-5


def test_blocks_and_portions_change_nothing(monkeypatch):
    query, gallery = people(11, 60, seed=3)
    whole = reranking.there(query, gallery, 8, 3, 0.3, CPU)
    monkeypatch.setattr(reranking.distances, "BLOCK_BYTES", 4 * 71 * 12)  # three rows of neighbours a block
    monkeypatch.setattr(device_reranking, "PAIRS", 50)
    assert np.abs(reranking.there(query, gallery, 8, 3, 0.3, CPU) - whole).max() < 1e-6


def test_neighbours_come_in_the_order_of_a_stable_sort():
    """Small whole numbers, so that ties abound and float32 is exact."""
    images = np.random.default_rng(0).integers(0, 3, (49, 4)).astype(np.float32)
    ranks, near, largest = device_reranking.neighbours(torch.from_numpy(images), 8)
    full = ((images[:, None] - images[None]) ** 2).sum(2)
    order = np.argsort(full, axis=1, kind="stable")[:, :8]
    assert np.array_equal(ranks, order)
    assert np.array_equal(near, np.take_along_axis(full, order, 1))
    assert np.array_equal(largest, full.max(1))


def test_rounding_below_zero_sorts_below_zero():
    """A Gram matrix gives an image's distance to its twins as a little less than 0, or more."""
    images = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 300)).astype(np.float32) * 50).repeat(40, 1)
    images += torch.randn(40, 300, generator=torch.Generator().manual_seed(0)) * 1e-5
    ranks, near, _ = device_reranking.neighbours(images, 40)
    assert (near < 0).any()
    assert (np.diff(near, axis=1) >= 0).all()
    assert all(len(set(row)) == 40 for row in ranks.tolist())


def test_images_that_all_coincide_and_bad_features():
    same = np.ones((9, 3), np.float32)
    assert np.isfinite(reranking.there(same[:2], same[2:], 3, 2, 0.3, CPU)).all()
    with pytest.raises(ValueError, match="gallery features are not finite"):
        reranking.there(same[:2], np.full((7, 3), np.nan, np.float32), 3, 2, 0.3, CPU)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="wants a GPU")
def test_a_gpu_gives_the_cpus_numbers():
    query, gallery = people(60, 900, width=32, persons=40, seed=2)
    ours, cpu = (reranking.k_reciprocal(query, gallery, device=d) for d in ("cuda", "cpu"))
    assert np.mean(np.abs(ours - cpu) > 1e-5) < 1e-3  # neighbours that float32 cannot tell apart
