"""Mean, deviation and interval against plain loops and the tables of Student's t."""

import math

import pytest

from sanreid.reporting.shared import seed_statistics

T975 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 9: 2.262, 29: 2.045}  # printed tables, two-sided 95 %
VALUES = [0.31, 0.27, 0.44, 0.39, 0.12]


def by_hand(values: list[float]) -> tuple[float, float]:
    total = 0.0
    for value in values:
        total += value
    centre, squares = total / len(values), 0.0
    for value in values:
        squares += (value - centre) * (value - centre)
    return centre, (squares / (len(values) - 1)) ** 0.5


@pytest.mark.parametrize("count", [2, 3, 5])
def test_mean_and_deviation_are_the_samples(count):
    centre, scatter = by_hand(VALUES[:count])
    assert seed_statistics.mean(VALUES[:count]) == pytest.approx(centre)
    assert seed_statistics.deviation(VALUES[:count]) == pytest.approx(scatter)


@pytest.mark.parametrize(("freedom", "t"), T975.items())
def test_the_interval_is_students(freedom, t):
    values = [math.sin(7 * k) for k in range(freedom + 1)]
    centre, scatter = by_hand(values)
    low, high = seed_statistics.interval(values)
    half = t * scatter / math.sqrt(len(values))
    assert low == pytest.approx(centre - half, abs=2e-4 * half)
    assert high == pytest.approx(centre + half, abs=2e-4 * half)


def test_one_value_has_neither():
    assert seed_statistics.mean([0.3]) == 0.3
    assert seed_statistics.deviation([0.3]) is None
    assert seed_statistics.interval([0.3]) is None


def test_equal_values_have_no_width():
    assert seed_statistics.deviation([0.1] * 3) == 0
    assert seed_statistics.interval([0.1] * 3) == (0.1, 0.1)
