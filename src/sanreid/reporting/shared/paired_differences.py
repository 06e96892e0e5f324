"""A variant against its control, seed by seed: the differences, their mean, and whether it differs from zero.

Decisions: differences are paired by seed. The seed draws the initialisation and the batches, so pairing removes what
both share of it. A gain or a loss is claimed only where the 95 % interval of the mean difference excludes 0 and there
are at least three seeds: with two, Student's t has one degree of freedom and a lucky pair is no evidence. Intervals
are not corrected for the number of comparisons beside each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sanreid.reporting.shared.results import MEASURES, Results
from sanreid.reporting.shared.seed_statistics import OverSeeds

FEWEST = 3  # seeds below which nothing is claimed
JUDGED = ("rank1", "mAP")  # the measures that the words are about


@dataclass(frozen=True)
class Comparison(OverSeeds):
    """A method minus its control on the seeds that both have, in points (percent)."""

    method: str
    control: str
    differences: dict[str, dict[int, float]]  # measure -> seed -> points

    @property
    def name(self) -> str:
        """'san − baseline_syn'."""
        return f"{self.method} − {self.control}"

    @property
    def seeds(self) -> list[int]:
        """The seeds that both have."""
        return list(self.differences["rank1"])

    def values(self, measure: str) -> list[float]:
        """The difference of each seed, in points."""
        return list(self.differences[measure].values())

    def verdict(self, measure: str) -> str:
        """'few' below three seeds, else 'gain' or 'loss' where the interval excludes 0, else 'none'."""
        interval = self.interval(measure)
        if interval is None or len(self.seeds) < FEWEST:
            return "few"
        low, high = interval
        return "gain" if low > 0 else "loss" if high < 0 else "none"


def compare(result: Results, method: str, control: str) -> Comparison | None:
    """Differences on the seeds that both have; None where either is missing or they share no seed."""
    a, b = result.method(method), result.method(control)
    if a is None or b is None or not (shared := [k for k in a.seeds if k in b.seeds]):
        return None
    return Comparison(
        method, control, {m: {k: 100 * (a.seeds[k][m] - b.seeds[k][m]) for k in shared} for m in MEASURES}
    )


def compare_all(result: Results, pairs: Sequence[tuple[str, str]]) -> list[Comparison]:
    """The pairs [variant, control] that this run holds, in their order; the first one is the headline."""
    found = (compare(result, method, control) for method, control in pairs)
    return [comparison for comparison in found if comparison is not None]
