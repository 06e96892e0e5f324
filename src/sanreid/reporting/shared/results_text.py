"""The tables of results in words: Markdown for the README, aligned text for the terminal, one honest sentence.

Decisions: percent with one digit; mean ± standard deviation, and each seed in a table below, so that nobody takes a
lucky seed for a result. The sentence is computed: it speaks of a gain or a loss only where the paired differences' 95 %
interval excludes 0 and there are at least three seeds.
"""

import textwrap
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sanreid.reporting.shared import markdown_table
from sanreid.reporting.shared.number_format import cell, difference, each_seed, interval_words, shows, signed
from sanreid.reporting.shared.paired_differences import FEWEST, JUDGED, Comparison
from sanreid.reporting.shared.results import MEASURES, Crossed, Results
from sanreid.reporting.shared.results_table import Outcome, Row, board, caption

PAIRED = "Paired differences in points: mean ± standard deviation [95 % interval of the mean]"
CROSSED = "Trained on one set, tested on another"
WIDE = 110  # letters of a line of prose in the terminal


class Grid(NamedTuple):
    """A table of strings: a row of one cell is a title, an empty one a rule; the last `words` columns are set left."""

    head: list[str]
    rows: list[list[str]]
    words: int = 0


def markdown(outcomes: Sequence[Outcome], crossed: Sequence[Crossed] = ()) -> str:
    """The README's tables of results, set by set."""
    parts = []
    for outcome in outcomes:
        result, best = outcome.result, outcome.result.best()

        def name(row: Row, best: object = best) -> str:
            label = f"{row.label} (`{row.method.name}`)" if row.label else row.method.label
            return f"**{label}**" if row.method is best else label

        parts += [f"**{result.set}** ({caption(outcome)})", _markdown(_results(outcome, name))]
        parts += [_markdown(grid) for grid in _seeds(result)]
        parts += [sentence(result, outcome.headline)]
        parts += [f"{PAIRED}\n\n{_markdown(grid)}" for grid in _differences(outcome.comparisons)]
    parts += [f"**{CROSSED}**\n\n{_markdown(grid)}" for grid in _crossed(crossed)]
    return "\n\n".join(parts) + "\n"


def text(outcomes: Sequence[Outcome], page: str, crossed: Sequence[Crossed] = ()) -> str:
    """The same for a terminal, in aligned columns, ending in the page's path."""
    parts = []
    for outcome in outcomes:
        grid = _results(outcome, lambda row: f"{row.label} [{row.method.name}]" if row.label else row.method.label)
        parts += [f"{_wrapped(f'{outcome.result.set}: {caption(outcome)}')}\n{_aligned(grid)}"]
        parts += [_aligned(grid) for grid in _seeds(outcome.result)]
        parts += [_wrapped(sentence(outcome.result, outcome.headline))]
        parts += [f"{PAIRED}\n{_aligned(grid)}" for grid in _differences(outcome.comparisons)]
    parts += [f"{CROSSED}\n{_aligned(grid)}" for grid in _crossed(crossed)]
    return "\n\n".join([*parts, f"The page: {page}\n"])


def _results(outcome: Outcome, name: Callable[[Row], str]) -> Grid:
    laid = board(outcome)
    rows: list[list[str]] = []
    for i, block in enumerate(laid.blocks):
        rows += [[]] if i else []
        rows += [[block.title]] if block.title else []
        rows += [[name(row), *row.cells] for row in block.rows]
    return Grid(["", *laid.columns], rows)


def _seeds(result: Results) -> list[Grid]:
    """Each seed in a column, where there are several."""
    seeds = list(dict.fromkeys(k for m in result.variants for k in m.seeds))
    if len(seeds) < 2:
        return []
    rows = [[m.label, *(each_seed(m).get(k, "") for k in seeds)] for m in result.variants]
    return [Grid(["rank-1 / mAP of seed", *map(str, seeds)], rows)]


def _differences(comparisons: Sequence[Comparison]) -> list[Grid]:
    """A row a comparison: its seeds, its mean differences, and what they show."""
    if not comparisons:
        return []
    head = ["", "seeds", *(MEASURES[m] for m in JUDGED), "shows"]
    rows = [[c.name, str(len(c.seeds)), *(difference(c, m) for m in JUDGED), shows(c)] for c in comparisons]
    return [Grid(head, rows, words=1)]


def _crossed(crossed: Sequence[Crossed]) -> list[Grid]:
    """A row a variant, under the pair of sets."""
    if not crossed:
        return []
    rows: list[list[str]] = []
    for i, pair in enumerate(crossed):
        rows += [*([[]] if i else []), [f"{pair.train} → {pair.test}"]]
        rows += [[m.label, *(cell(m, measure) for measure in MEASURES)] for m in pair.variants]
    return [Grid(["percent", *MEASURES.values()], rows)]


def _markdown(grid: Grid) -> str:
    wide = len(grid.head)
    titled = [row if len(row) == wide else [f"*{row[0]}*", *[""] * (wide - 1)] for row in grid.rows if row]
    return markdown_table.table(grid.head, titled, words=grid.words)


def _aligned(grid: Grid) -> str:
    full = [grid.head, *(row for row in grid.rows if len(row) == len(grid.head))]
    widths = [max(len(row[i]) for row in full) for i in range(len(grid.head))]
    rule = "  " + "-" * (sum(widths) + 3 * (len(widths) - 1))

    def line(row: Sequence[str]) -> str:
        if len(row) < len(widths):
            return f"  {row[0]}" if row else rule
        left = {0, *range(len(widths) - grid.words, len(widths))}
        cells = [c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        return "  " + "   ".join(cells).rstrip()

    return "\n".join([line(grid.head), rule, *map(line, grid.rows)])


def _wrapped(words: str) -> str:
    return textwrap.fill(words, WIDE, break_long_words=False, break_on_hyphens=False)


def sentence(result: Results, comparison: Comparison | None) -> str:
    """What the numbers of a set say, and what they do not."""
    if not result.variants:
        return "No variant was evaluated on this set."
    if comparison is None:
        return _headroom(result)
    count = len(comparison.seeds)
    parts = []
    for measure in JUDGED:
        interval = interval_words(comparison.interval(measure)) if count >= FEWEST else ""
        parts.append(f"{signed(comparison.mean(measure))} {MEASURES[measure]}" + (f" {interval}" if interval else ""))
    said = f"{comparison.method} minus {comparison.control} is {' and '.join(parts)} points"
    if count == 1:
        tail = "; one seed shows nothing: what seeds alone change is not known (`make table1 SEEDS=5` has five)."
    elif count < FEWEST:
        tail = f" on average; {count} seeds are too few to show a difference."
    else:
        tail = f" on average over {count} paired seeds (95 % intervals): {_verdicts(comparison)}."
    return f"{_headroom(result)} {said}{tail}".strip()


def _headroom(result: Results) -> str:
    best = result.best()
    floor = max(result.floors, key=lambda m: m.mean("rank1"), default=None)
    if best is None or floor is None:
        return ""
    gap = round(100 * (best.mean("rank1") - floor.mean("rank1")), 1)
    where = f"{gap:.1f} points above" if gap > 0 else f"{-gap:.1f} points below" if gap < 0 else "level with"
    return f"The best variant, {best.label}, is {where} {floor.label} in rank-1."


def _verdicts(comparison: Comparison) -> str:
    words = {"gain": "a gain", "loss": "a loss", "none": "no difference that these seeds show"}
    rank1, mean_ap = (words[comparison.verdict(m)] for m in JUDGED)
    return rank1 if rank1 == mean_ap else f"in rank-1 {rank1}, in mAP {mean_ap}"
