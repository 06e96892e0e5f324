"""The two compiled ways to count a match's rank, against each other and through a whole ranking."""

import numpy as np
import pytest

from sanreid.evaluation import ranking_kernels
from sanreid.evaluation.ranking import evaluate_distances
from tests.evaluation.oracle import assert_same, brute_force


def test_both_ways_to_count_agree_where_matches_are_many():
    rng = np.random.default_rng(1)
    for levels in (2, 30, 10**6):
        row = rng.integers(0, levels, 500).astype(np.float32)
        row[rng.integers(0, 500, 20)] = np.nan
        matches = np.sort(rng.permutation(np.flatnonzero(~np.isnan(row)))[:120])
        np.testing.assert_array_equal(
            np.sort(ranking_kernels.ranks_by_count(row, matches)), ranking_kernels.ranks_by_search(row, matches)
        )
    pids = rng.integers(1, 3, 400)  # two classes: about 200 matches a query
    matrix = rng.integers(0, 90, (6, 400)).astype(np.float64)
    assert_same(evaluate_distances(matrix, [1, 2] * 3, pids), brute_force(matrix, [1, 2] * 3, pids))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "values",
    [
        lambda rng: np.full(300, 0.25),
        lambda rng: np.r_[rng.random(299) * 1e-30, 1e30],  # all matches but one in a cell
        lambda rng: 1 + rng.integers(0, 3, 300) * 2.0**-23,  # neighbours in float32
        lambda rng: rng.choice([-np.inf, 0.0, 1.0, np.inf], 300),
        lambda rng: rng.choice([1.0, np.inf], 300),
        lambda rng: rng.choice([-1e-45, 0.0, 1e-45], 300),
    ],
)
def test_searched_ranks_are_a_stable_sorts_whatever_the_distances(values, dtype):
    rng = np.random.default_rng(3)
    row = np.asarray(values(rng), dtype)
    matches = np.sort(rng.permutation(300)[:80])
    place = np.empty(300, int)
    place[np.argsort(row, kind="stable")] = np.arange(1, 301)
    np.testing.assert_array_equal(ranking_kernels.ranks_by_search(row, matches), np.sort(place[matches]))
