"""The table of results of one set before it becomes Markdown, text or HTML: its columns, its blocks of rows, its cells.

Decisions: one home for what stands where, so that page and README never differ. A column that no row would fill is
left out, so a small run has a small table. Floors come first; then, for each table of ablations whose variants are all
there, its rows in its order under its title; then the variants of no table. Published numbers are of the real data and
stand in a column of their own, beside what was measured and never compared with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sanreid.reporting.shared.ablations import Published, Table
from sanreid.reporting.shared.number_format import cell, published_cell, texture_cell
from sanreid.reporting.shared.paired_differences import Comparison, compare_all
from sanreid.reporting.shared.results import MEASURES, Method, Results

TEXTURE = "texture L1"
PUBLISHED = "published (real data)"


@dataclass(frozen=True)
class Outcome:
    """What was measured on one set, and what it is laid out and compared by."""

    result: Results
    comparisons: list[Comparison] = field(default_factory=list)  # the first is the headline
    tables: list[Table] = field(default_factory=list)  # those whose variants are all there
    published: dict[str, tuple[float, float]] = field(default_factory=dict)  # variant -> rank-1 and mAP in percent

    @property
    def headline(self) -> Comparison | None:
        """The comparison that the sentence is about."""
        return self.comparisons[0] if self.comparisons else None


class Row(NamedTuple):
    """A method, the label it goes by in its table ('' for its own), and its cells, one a column."""

    method: Method
    label: str
    cells: list[str]


class Block(NamedTuple):
    """Rows under a title ('' for none)."""

    title: str
    rows: list[Row]


class Board(NamedTuple):
    """The columns right of the row's name, and the blocks."""

    columns: list[str]
    blocks: list[Block]


def outcomes(
    measured: Sequence[Results],
    pairs: Sequence[tuple[str, str]],
    tables: Mapping[str, Table],
    published: Published,
) -> list[Outcome]:
    """Beside each set's results: the pairs it holds, the tables whose variants it holds, its published numbers."""
    made = []
    for result in measured:
        names = {m.name for m in result.variants}
        shown = [table for table in tables.values() if names >= set(table.variants)]
        numbers = {v: pair for v, pair in published.get(result.set, {}).items() if v in names}
        made.append(Outcome(result, compare_all(result, pairs), shown, numbers))
    return made


def board(outcome: Outcome) -> Board:
    """Lay out the table of one set."""
    result = outcome.result
    textured = any(m.texture("l1") for m in result.variants)
    columns = [*MEASURES.values(), *([TEXTURE] if textured else []), *([PUBLISHED] if outcome.published else [])]

    def row(method: Method, label: str = "") -> Row:
        cells = [cell(method, measure) for measure in MEASURES]
        cells += [texture_cell(method)] if textured else []
        cells += [published_cell(outcome.published.get(method.name))] if outcome.published else []
        return Row(method, label, cells)

    blocks = [Block("", [row(m) for m in result.floors])]
    variants = {m.name: m for m in result.variants}
    blocks += [Block(t.title, [row(variants[v], t.label(v)) for v in t.variants]) for t in outcome.tables]
    placed = {v for table in outcome.tables for v in table.variants}
    others = [row(m) for m in result.variants if m.name not in placed]
    blocks.append(Block("Other variants" if placed else "", others))
    return Board(columns, [block for block in blocks if block.rows])


def caption(outcome: Outcome) -> str:
    """How the numbers of the table are to be read."""
    counts = {len(m.seeds) for m in outcome.result.variants}
    if not counts:
        words = ["percent"]
    elif counts == {1}:
        words = ["percent; one seed, so no deviation"]
    else:
        seeds = " to ".join(str(n) for n in sorted({min(counts), max(counts)}))
        words = [f"percent; mean ± standard deviation (n − 1) over {seeds} seeds"]
    if any(m.texture("l1") for m in outcome.result.variants):
        words.append("texture L1: of the variant's own decoder on the query images, values in [0, 1]")
    if outcome.published:
        words.append("published: rank-1 / mAP in the paper, on the real data")
    return "; ".join(words)
