"""What a handful of seeds shows: mean, standard deviation, and how far the mean itself may be off.

Decisions: the deviation is the sample's (n - 1), and the interval is Student's t with n - 1 degrees of freedom, since
the deviation comes from the same few seeds. Below two values there is neither, and None says so. Sums are exact, so
that equal values have a deviation of 0 and not of their rounding.
"""

import math
import statistics
from abc import ABC, abstractmethod
from collections.abc import Sequence

from scipy import stats

CONFIDENCE = 0.95


class OverSeeds(ABC):
    """What has a value a seed for each measure."""

    @abstractmethod
    def values(self, measure: str) -> list[float]:
        """The value of each seed."""

    def mean(self, measure: str) -> float:
        """The mean over seeds."""
        return mean(self.values(measure))

    def deviation(self, measure: str) -> float | None:
        """The standard deviation over seeds (n - 1); None for one seed."""
        return deviation(self.values(measure))

    def interval(self, measure: str) -> tuple[float, float] | None:
        """The 95 % confidence interval of the mean; None for one seed."""
        return interval(self.values(measure))


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
