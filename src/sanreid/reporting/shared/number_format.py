"""How numbers are written: percent with one digit, mean ± standard deviation, differences with their sign.

Decisions: one home, so that a number reads alike on the page, in the README and in the terminal. Minus is the true
sign; what is not known is left empty, never 0.
"""

from collections.abc import Callable, Sequence

from sanreid.reporting.shared import seed_statistics
from sanreid.reporting.shared.paired_differences import JUDGED, Comparison
from sanreid.reporting.shared.results import MEASURES, Method


def percent(fraction: float) -> str:
    """0.9345 -> '93.5'."""
    return f"{100 * fraction:.1f}"


def spread(values: Sequence[float], words: Callable[[float], str] = percent) -> str:
    """'93.5 ± 0.4', '28.9' of one value, '' of none; `words` writes the mean and the deviation."""
    if not values:
        return ""
    deviation = seed_statistics.deviation(values)
    return words(seed_statistics.mean(values)) + ("" if deviation is None else f" ± {words(deviation)}")


def cell(method: Method, measure: str) -> str:
    """'93.5 ± 0.4', or '28.9' where there is one value."""
    return spread(method.values(measure))


def texture_cell(method: Method) -> str:
    """'0.143 ± 0.002' over the seeds where it is known; empty where none is."""
    return spread(method.texture("l1"), "{:.3f}".format)


def published_cell(pair: tuple[float, float] | None) -> str:
    """'80.1 / 76.4' (rank-1 / mAP), or empty."""
    return "" if pair is None else f"{pair[0]:.1f} / {pair[1]:.1f}"


def each_seed(method: Method) -> dict[int, str]:
    """seed -> '93.9 / 81.5' (rank-1 / mAP); empty for a floor."""
    if method.floor:
        return {}
    return {k: f"{percent(v['rank1'])} / {percent(v['mAP'])}" for k, v in method.seeds.items()}


def signed(points: float) -> str:
    """'+2.0' or '−0.4'; never a signed zero but '+0.0'."""
    return f"{points:+.1f}".replace("-0.0", "+0.0").replace("-", "−")


def interval_words(interval: tuple[float, float] | None) -> str:
    """'[−1.4, +3.8]', or empty."""
    return "" if interval is None else f"[{signed(interval[0])}, {signed(interval[1])}]"


def difference(comparison: Comparison, measure: str) -> str:
    """'+1.2 ± 2.1 [−1.4, +3.8]', or '+1.2' for one seed."""
    deviation = comparison.deviation(measure)
    words = signed(comparison.mean(measure))
    return words if deviation is None else f"{words} ± {deviation:.1f} {interval_words(comparison.interval(measure))}"


def shows(comparison: Comparison) -> str:
    """What a comparison shows, in a few words: 'gain', 'loss in mAP', 'no difference shown', 'too few seeds'."""
    verdicts = {m: comparison.verdict(m) for m in JUDGED}
    if "few" in verdicts.values():
        return "too few seeds"
    if len(set(verdicts.values())) == 1:
        return {"none": "no difference shown"}.get(verdicts["rank1"], verdicts["rank1"])
    return ", ".join(f"{verdict} in {MEASURES[m]}" for m, verdict in verdicts.items() if verdict != "none")
