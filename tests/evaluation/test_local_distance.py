"""The local distance against a plain dynamic programme over the paper's own formula."""

from itertools import pairwise

import numpy as np
import pytest

from sanreid.evaluation import local_distance


def plain(a, b):
    """Zhang et al. 2017, eq. 1 and 2, in float64."""
    a, b = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (a.astype(float), b.astype(float)))
    height = len(a)
    d = np.empty((height, height))
    for i in range(height):
        for j in range(height):
            e = np.linalg.norm(a[i] - b[j])
            d[i, j] = (np.exp(e) - 1) / (np.exp(e) + 1)
    s = np.empty((height, height))
    for i in range(height):
        for j in range(height):
            if i == 0 and j == 0:
                s[i, j] = d[i, j]
            elif i == 0:
                s[i, j] = s[i, j - 1] + d[i, j]
            elif j == 0:
                s[i, j] = s[i - 1, j] + d[i, j]
            else:
                s[i, j] = min(s[i - 1, j], s[i, j - 1]) + d[i, j]
    return s[-1, -1]


def stripes(n, height=8, width=6, seed=0):
    return np.random.default_rng(seed).normal(size=(n, height, width)).astype(np.float32)


@pytest.mark.parametrize("height", [1, 2, 7, 8])
def test_equals_a_plain_dynamic_programme(height):
    query, gallery = stripes(5, height), stripes(9, height, seed=1)
    expected = [[plain(q, g) for g in gallery] for q in query]
    ours = local_distance.aligned(query, gallery)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_near_stripes_keep_their_digits():
    query = stripes(3)
    gallery = query + 1e-3 * stripes(3, seed=2)
    expected = [[plain(q, g) for g in gallery] for q in query]
    # a unit product is rounded at 6e-8, so the root of a difference of such at about 2e-4, in at most 8 cells
    np.testing.assert_allclose(local_distance.aligned(query, gallery), expected, atol=8 * 2e-4)
    same = [[plain(q, g) for g in query] for q in query]
    np.testing.assert_allclose(local_distance.aligned(query, query), same, atol=8 * 2e-4)


def test_blocks_and_threads_change_nothing(monkeypatch):
    query, gallery = stripes(7), stripes(23, seed=3)
    whole = local_distance.aligned(query, gallery)
    monkeypatch.setattr(local_distance, "_GALLERY", 5)
    monkeypatch.setattr(local_distance, "_CELLS", 64 * 5 * 2)
    monkeypatch.setattr(local_distance.torch, "get_num_threads", lambda: 3)
    np.testing.assert_allclose(local_distance.aligned(query, gallery), whole, atol=2e-6)


def test_the_scale_of_a_stripe_does_not_count_and_a_zero_stripe_is_no_trouble():
    query, gallery = stripes(2), stripes(3, seed=4)
    scaled = query * np.float32(1e4)
    np.testing.assert_allclose(
        local_distance.aligned(scaled, gallery), local_distance.aligned(query, gallery), atol=1e-5
    )
    query[0, 3] = gallery[1, 3] = 0
    expected = [[plain(q, g) for g in gallery] for q in query]
    np.testing.assert_allclose(local_distance.aligned(query, gallery), expected, rtol=1e-5, atol=1e-3)


def test_the_alignment_is_a_path_whose_costs_add_up_to_the_distance():
    one, other = stripes(1)[0], stripes(1, seed=1)[0]
    d, path = local_distance.alignment(one, other)
    assert d.shape == (8, 8)
    assert path[0] == (0, 0)
    assert path[-1] == (7, 7)
    steps = {(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(path)}
    assert steps <= {(1, 0), (0, 1)}
    assert sum(d[i, j] for i, j in path) == pytest.approx(plain(one, other), rel=1e-5)


def test_a_shifted_person_is_aligned_stripe_by_stripe():
    """Stripe k of one is stripe k+1 of the other: the path runs along those pairs, where the distance is 0."""
    person = stripes(1, height=9, width=32)[0]
    d, path = local_distance.alignment(person[:8], person[1:])
    assert {(k + 1, k) for k in range(7)} <= set(path)
    assert d[3, 2] == pytest.approx(0, abs=1e-6)


def test_what_is_no_set_of_stripes_is_refused():
    with pytest.raises(ValueError, match=r"query stripes must be \(N, H, c\), given \(4, 6\)"):
        local_distance.aligned(np.ones((4, 6), np.float32), stripes(2))
    with pytest.raises(ValueError, match="one model"):
        local_distance.aligned(stripes(2), stripes(2, height=7))
    broken = stripes(4)
    broken[2, 1, 1] = np.inf
    with pytest.raises(ValueError, match=r"gallery stripes are not finite \(first in row 2\)"):
        local_distance.aligned(stripes(2), broken)
    assert local_distance.aligned(stripes(0), stripes(2)).shape == (0, 2)
