"""AlignedReID's distances of all images with one another, against plain numbers."""

import logging

import numpy as np
import pytest

from sanreid.evaluation import aligned_distances, distances, local_distance, reranking


def data(n: int = 12) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(n)
    stripes = random.normal(size=(n, 4, 6)).clip(min=0).astype(np.float32)
    return 3 * random.normal(size=(n, 5)).astype(np.float32), stripes


@pytest.mark.parametrize("block_bytes", [None, 4 * 12 * 5])
def test_local_and_sum_equal_plain_numbers(monkeypatch, block_bytes):
    features, stripes = data()
    if block_bytes:
        monkeypatch.setattr(distances, "BLOCK_BYTES", block_bytes)
    got = {name: matrix.copy() for name, matrix in aligned_distances.matrices(features, stripes)}
    assert list(got) == ["local", "sum"]
    unit = [f / np.linalg.norm(f.astype(np.float64)) for f in features]
    for i in range(len(features)):
        for j in range(len(features)):
            d, path = local_distance.alignment(stripes[i], stripes[j])
            local = sum(float(d[cell]) for cell in path)
            whole = np.linalg.norm(unit[i] - unit[j])
            apart = 2e-3 if i == j else 1e-5  # products leave that much where things are equal
            assert got["local"][i, j] == pytest.approx(local, abs=apart)
            assert got["sum"][i, j] == pytest.approx(local + whole, abs=2 * apart)


def test_a_feature_of_zeros_is_no_trouble():
    features, stripes = data()
    features[3] = 0
    assert all(np.isfinite(matrix).all() for _, matrix in aligned_distances.matrices(features, stripes))


def test_mismatched_inputs_are_refused_and_memory_is_logged(caplog, monkeypatch):
    features, stripes = data()
    with pytest.raises(ValueError, match="12 features, but stripes of 11 images"):
        next(aligned_distances.matrices(features, stripes[:-1]))
    monkeypatch.setattr(reranking, "LARGE", 0)
    with caplog.at_level(logging.WARNING, "sanreid"):
        next(aligned_distances.matrices(features, stripes))
    assert "local distances of 12 images with one another: 0.00 GB" in caplog.text
