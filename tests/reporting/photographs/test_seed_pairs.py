"""Differences of networks on photographs, paired by seed, against a plain loop."""

from pathlib import Path

import pytest

from sanreid.reporting.photographs import seed_pairs
from sanreid.reporting.photographs.table import Row

FOUND = {  # of each seed: rank-1 and mAP, plain
    "san": {0: (0.30, 0.21), 1: (0.34, 0.25), 2: (0.31, 0.22), 3: (0.9, 0.9)},
    "baseline_syn": {0: (0.20, 0.20), 1: (0.23, 0.26), 2: (0.22, 0.21)},
}


def row(place, rank1, mean):
    return Row(Path(place), place, False, {"parts": {"all": {"plain": {"rank1": rank1, "mAP": mean}}}})


ROWS = [
    row(f"san/mine/{variant}/seed{seed}", *values) for variant, seeds in FOUND.items() for seed, values in seeds.items()
]


def test_seeds_that_both_have_are_paired():
    [cells] = seed_pairs.table([*ROWS, row("floors/random", 0.0, 0.0)], [("san", "baseline_syn"), ("san", "baseline")])
    assert cells[:4] == ["san − baseline_syn", "mine", "plain", "3"]
    points = [100 * (FOUND["san"][k][0] - FOUND["baseline_syn"][k][0]) for k in range(3)]
    mean = sum(points) / 3
    deviation = (sum((p - mean) ** 2 for p in points) / 2) ** 0.5
    half = 4.302653 * deviation / 3**0.5  # Student's t of two degrees of freedom, 97.5 %
    assert cells[4] == f"+{mean:.1f} ± {deviation:.1f} [+{mean - half:.1f}, +{mean + half:.1f}]"
    assert cells[6] == "gain in rank-1"
    assert seed_pairs.markdown([cells]).count("\n") == 3


@pytest.mark.parametrize("rows", [[], ROWS[:4], [ROWS[3], ROWS[4]]])
def test_where_no_seed_is_shared_there_is_no_pair(rows):
    assert seed_pairs.table(rows, [("san", "baseline_syn")]) == []
    assert seed_pairs.markdown([]) == ""
