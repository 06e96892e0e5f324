"""What a handful of seeds tells: mean, standard deviation, and how far the mean itself may be off.

Decisions: the deviation is the sample's (n - 1), and the interval is Student's t with n - 1 degrees of freedom, since
the deviation comes from the same few seeds. Below two values there is neither, and None says so. Sums are exact, so
that equal values have a deviation of 0 and not of their rounding.
"""

import math
import statistics
from collections.abc import Sequence

from scipy import stats

CONFIDENCE = 0.95


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean of at least one value."""
    return float(statistics.mean(values))


def deviation(values: Sequence[float]) -> float | None:
    """The sample's standard deviation (n - 1); None for one value."""
    return float(statistics.stdev(values)) if len(values) > 1 else None


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % confidence interval of the mean, (low, high); None for one value."""
    scatter = deviation(values)
    if scatter is None:
        return None
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * scatter / math.sqrt(len(values))
    return mean(values) - half, mean(values) + half
