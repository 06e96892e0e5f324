"""The table of variants in words: Markdown for the README, aligned text for the terminal, one honest sentence.

Decisions: percent with one digit; "mean ± half the range over seeds" with each seed beside it, so that nobody takes a
lucky seed for a result. The sentence is computed; it claims a difference only where every seed agrees on its sign and
the mean exceeds the range that seeds alone cause.
"""

from collections.abc import Sequence

from sanreid.reporting.results import MEASURES, Comparison, Method, Results


def percent(fraction: float) -> str:
    """0.9345 -> '93.5'."""
    return f"{100 * fraction:.1f}"


def cell(method: Method, measure: str) -> str:
    """'93.5 ± 0.4', or '28.9' where there is one value."""
    spread = method.spread(measure)
    return percent(method.mean(measure)) + ("" if spread is None else f" ± {percent(spread)}")


def each_seed(method: Method) -> str:
    """'0: 93.9 / 81.5, 1: 93.1 / 84.0' (rank-1 / mAP); empty for a floor."""
    if method.floor:
        return ""
    return ", ".join(f"{k}: {percent(v['rank1'])} / {percent(v['mAP'])}" for k, v in method.seeds.items())


def markdown(results: Sequence[Results], comparisons: Sequence[Comparison | None]) -> str:
    """The README's table of results, one a re-ID set."""
    parts = []
    for result, comparison in zip(results, comparisons, strict=True):
        head = ["", *MEASURES.values(), "seeds: rank-1 / mAP"]
        lines = [f"**{result.set}** (percent; mean ± half the range over seeds)", "", _row(head)]
        lines.append(_row(["---", *["---:"] * len(MEASURES), "---"]))
        best = result.best()
        for method in (*result.floors, *result.variants):
            label = f"**{method.label}**" if method is best else method.label
            lines.append(_row([label, *(cell(method, m) for m in MEASURES), each_seed(method)]))
        lines += ["", sentence(result, comparison), ""]
        parts.append("\n".join(lines))
    return "\n".join(parts)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def text(results: Sequence[Results], comparisons: Sequence[Comparison | None], page: str) -> str:
    """The same for a terminal, in aligned columns, ending in the page's path."""
    parts = []
    for result, comparison in zip(results, comparisons, strict=True):
        rows = [["", *MEASURES.values(), "seeds: rank-1 / mAP"]]
        methods = (*result.floors, *result.variants)
        rows += [[m.label, *(cell(m, name) for name in MEASURES), each_seed(m)] for m in methods]
        wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [f"{result.set}: percent, mean ± half the range over seeds"]
        for i, row in enumerate(rows):
            cells = [row[0].ljust(wide[0]), *(c.rjust(w) for c, w in zip(row[1:-1], wide[1:-1], strict=True)), row[-1]]
            lines.append("  " + "   ".join(cells).rstrip())
            if i in (0, len(result.floors)):
                lines.append("  " + "-" * (sum(wide) + 3 * (len(wide) - 1)))
        parts.append("\n".join([*lines, "", sentence(result, comparison), ""]))
    return "\n".join([*parts, f"The page: {page}", ""])


def sentence(result: Results, comparison: Comparison | None) -> str:
    """What the numbers of a set say, and what they do not."""
    if not result.variants:
        return "No variant was evaluated on this set."
    if comparison is None:
        return _headroom(result)
    one, other = comparison.method, comparison.control
    count = len(comparison.differences["rank1"])
    by = " and ".join(f"{signed(mean(comparison, m))} {MEASURES[m]}" for m in ("rank1", "mAP"))
    if count < 2:
        tail = "one seed shows nothing: what seeds alone change is not known."
    else:
        noise = " and ".join(f"{comparison.noise[m]:.1f} {MEASURES[m]}" for m in ("rank1", "mAP"))
        tail = f"seeds alone change a variant by up to {noise}. With {count} seeds, {_verdicts(comparison)}."
    return f"{_headroom(result)} {one} minus {other} is {by} points on average; {tail}"


def _headroom(result: Results) -> str:
    best = result.best()
    floor = max(result.floors, key=lambda m: m.mean("rank1"), default=None)
    if best is None or floor is None:
        return ""
    gap = 100 * (best.mean("rank1") - floor.mean("rank1"))
    where = f"{gap:.1f} points above" if gap > 0 else f"{-gap:.1f} points below"
    return f"The best variant, {best.label}, is {where} {floor.label} in rank-1."


def _verdicts(comparison: Comparison) -> str:
    rank1, mean_ap = comparison.verdict("rank1"), comparison.verdict("mAP")
    words = {
        "above": "that is a gain beyond what seeds change",
        "below": "that is a loss beyond what seeds change",
        "within": "that is no difference that seeds alone could not make",
    }
    if rank1 == mean_ap:
        return words[rank1]
    return f"in rank-1 {words[rank1]}, in mAP {words[mean_ap]}"


def mean(comparison: Comparison, measure: str) -> float:
    """The mean difference over seeds, in points."""
    values = comparison.differences[measure].values()
    return sum(values) / len(values)


def signed(points: float) -> str:
    """'+2.0' or '−0.4'."""
    return f"{points:+.1f}".replace("-", "−")
