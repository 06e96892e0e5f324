"""The two compiled ways to count a match's rank, against each other and through a whole ranking."""

import numpy as np

from sanreid.evaluation import counting
from sanreid.evaluation.ranking import evaluate_distances
from tests.evaluation.oracle import assert_same, brute_force


def test_both_ways_to_count_agree_where_matches_are_many():
    rng = np.random.default_rng(1)
    for levels in (2, 30, 10**6):
        row = rng.integers(0, levels, 500).astype(np.float32)
        row[rng.integers(0, 500, 20)] = np.nan
        matches = np.sort(rng.permutation(np.flatnonzero(~np.isnan(row)))[:120])
        np.testing.assert_array_equal(
            np.sort(counting.ranks_by_count(row, matches)), counting.ranks_by_search(row, matches)
        )
    pids = rng.integers(1, 3, 400)  # two classes: about 200 matches a query
    matrix = rng.integers(0, 90, (6, 400)).astype(np.float64)
    assert_same(evaluate_distances(matrix, [1, 2] * 3, pids), brute_force(matrix, [1, 2] * 3, pids))
