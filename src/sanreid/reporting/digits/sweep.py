"""The digits' grids: what was measured in each cell beside what was published, as tables and as heat maps.

Decisions: a grid is the cells that its publisher gives, with the number each; its columns are learning rates and its
rows whatever else differs, so nothing has to say so twice. Colour is accuracy from 0 to 100 %, the same in every map. A
cell that diverged is marked; it was tested as it was when its loss became infinite.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

import pandas as pd

from sanreid.bounds import Percent
from sanreid.graph_params import Cell
from sanreid.reporting.digits.classifiers import PUBLISHED_NOTE, wilson
from sanreid.reporting.shared import class_charts, markdown_table
from sanreid.reporting.shared.class_charts import Cell as Drawn
from sanreid.reporting.shared.class_charts import Matrix
from sanreid.training import digit_cells

Grid = dict[Cell, Percent | None]  # cell -> published accuracy in percent, None where there is none


class Result(NamedTuple):
    """A cell's accuracy here, a fraction, of so many digits tested, and whether its training diverged."""

    accuracy: float
    tested: int
    diverged: bool


class Axes(NamedTuple):
    """The columns' learning rates, the field of Cell that is the rows', and its values, each as published."""

    rates: list[float]
    field: str
    values: list[float]


def axes(name: str, grid: Sequence[str]) -> Axes:
    """The axes of a grid's cells.

    Raises ValueError unless they fill a rectangle whose rows differ in weight decay or in batch alone.
    """
    cells = [digit_cells.parse(cell) for cell in grid]
    decays, batches = {c.weight_decay for c in cells}, {c.batch for c in cells}
    if min(len(decays), len(batches)) != 1:
        raise ValueError(f"{name}: its rows differ in weight decay and in batch; give each a grid of its own")
    field = "batch" if len(batches) > 1 else "weight_decay"
    rates, values = ([*dict.fromkeys(getattr(c, key) for c in cells)] for key in ("lr", field))
    if len(set(cells)) != len(rates) * len(values) or len(set(cells)) != len(cells):
        raise ValueError(f"{name}: {len(cells)} cells do not fill {len(values)} rows of {len(rates)} learning rates")
    return Axes(rates, field, values)


def at(name: str, grid: Grid, rate: float, value: float) -> str:
    """The name of a grid's cell in the column of `rate` and the row of `value`."""
    field, one = axes(name, list(grid)).field, digit_cells.parse(next(iter(grid)))
    cell = one._replace(batch=int(value)) if field == "batch" else one._replace(weight_decay=value)
    return cell._replace(lr=rate).name


def frame(grids: Mapping[str, Grid], results: Mapping[str, Result]) -> pd.DataFrame:
    """A row a grid and cell: accuracies as fractions."""
    made = []
    for name, cell, published in ((name, *pair) for name, grid in grids.items() for pair in grid.items()):
        result = results[cell]
        low, high = wilson(round(result.accuracy * result.tested), result.tested)
        line: dict[str, object] = {"grid": name, "cell": cell, **digit_cells.parse(cell)._asdict()}
        line |= {"accuracy": result.accuracy, "low": low, "high": high, "diverged": result.diverged}
        made.append(line | {"published": None if published is None else published / 100})
    return pd.DataFrame(made)


def markdown(grids: Mapping[str, Grid], results: Mapping[str, Result], model: str, epochs: int, trained: int) -> str:
    """A table a grid, in percent: ours, and the published number in brackets."""
    parts = []
    for name, grid in grids.items():
        rates, field, values = axes(name, list(grid))
        head = [f"{field.replace('_', ' ')} \\ learning rate", *map(str, rates)]
        rows = [[at(name, grid, rate, value) for rate in rates] for value in values]
        told = [[str(v), *(_words(results[c], grid[c]) for c in cells)] for v, cells in zip(values, rows, strict=True)]
        parts += [f"**{escape(name)}**", markdown_table.table(head, told)]
    published = {cell: value for grid in grids.values() for cell, value in grid.items() if value is not None}
    alike = sum((results[cell].accuracy > 0.5) == (value > 50) for cell, value in published.items())
    tested = max(result.tested for result in results.values())
    parts.append(
        f"Accuracy in percent after {epochs} epochs of `{model}`, published in brackets. Measured here: {trained:,} "
        f"training digits, tested on {tested:,}. {PUBLISHED_NOTE} † diverged, and tested as it was then. "
        f"{alike} of {len(published)} cells lie on the published side of 50 %."
    )
    return "\n\n".join(parts) + "\n"


def heatmaps(grids: Mapping[str, Grid], results: Mapping[str, Result]) -> str:
    """A row a grid, as SVG that stands alone: the map of what was measured, and of what was published."""
    lines = []
    for name, grid in grids.items():
        rates, field, values = axes(name, list(grid))
        places = {at(name, grid, r, v): (j, i) for j, v in enumerate(values) for i, r in enumerate(rates)}
        ours = {places[cell]: Drawn(results[cell].accuracy, _words(results[cell], None)) for cell in grid}
        theirs = {places[cell]: Drawn(v / 100, f"{v:.2f}") for cell, v in grid.items() if v is not None}
        told = f"{field.replace('_', ' ')} ↓ learning rate →", values, rates
        titled = (f"{name}: measured here", ours), (f"{name}: published, of 60,000 digits", theirs)
        lines.append([Matrix(title, *told, cells) for title, cells in titled])
    return class_charts.matrices(lines, "Accuracy over the grids", (62, 32))


def _words(result: Result, published: float | None) -> str:
    own = f"{100 * result.accuracy:.1f}{'†' if result.diverged else ''}"
    return own if published is None else f"{own} (*{published:.2f}*)"
