"""Histograms of classes and matrices of numbers as SVG that stands alone and sits in the page, in light and dark.

Decisions: shares and not counts are drawn, since train and validation differ in size fourfold and it is their balance
that the reader judges; the counts stand beside. A confusion matrix's rows are shares of the true class: colour is its
recall, whatever the class's size, and the count is written in the cell. Text is 12 px of the drawing's own size. What
is drawn is in the templates (histograms.svg, matrices.svg); here is where.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sanreid.evaluation.attributes import Counts
from sanreid.reporting.shared import templates

WORD, PLOT, NUMBER, GAP, HEAD = 78, 118, 44, 26, 26  # px: room for a name, a full bar, counts, between panels, a title
TOP = 92  # px above a matrix: its title, and its columns' names


class Cell(NamedTuple):
    """What a matrix says of a row and column: a share in [0, 1] as colour, words, and what shows on hover."""

    share: float
    words: str
    tip: str = ""
    outlined: bool = False


class Matrix(NamedTuple):
    """Cells by the places of row and column; `words` say below the title what rows and columns are."""

    title: str
    words: str
    rows: Sequence[object]
    columns: Sequence[object]
    cells: Mapping[tuple[int, int], Cell]


def histograms(
    counts: Mapping[str, Mapping[str, Sequence[int]]], classes: Mapping[str, Sequence[str]], columns: int = 4
) -> str:
    """A panel a head with the share of each class in each split; `counts` is split -> head -> images a class."""
    if not 1 <= len(counts) <= 3:
        raise ValueError(f"histograms are of one to three splits, given {len(counts)}")
    row, step, y = 11 * len(counts) + 8, WORD + PLOT + NUMBER + 24 + GAP, 24
    heads = sorted(classes, key=lambda head: len(classes[head]))  # rows of panels of one height
    panels = []
    for start in range(0, len(heads), columns):
        some = heads[start : start + columns]
        panels += [(head, i * step, y) for i, head in enumerate(some)]
        y += HEAD + row * max(len(classes[head]) for head in some) + GAP
    size = {"width": step * min(columns, len(heads)) - GAP, "height": y - GAP + 4}
    told = {"label": "Histogram of each attribute", "counts": counts, "classes": classes, "panels": panels, "row": row}
    return templates.fill("class_bars.svg", **size, **told, left=WORD, plot=PLOT)


def confusion(counted: Mapping[str, Counts], classes: Mapping[str, Sequence[str]]) -> str:
    """A matrix a head, side by side: rows are the true classes, columns the predicted ones, cells counts of images."""
    titles = {"up_color": "colour, upper body", "down_color": "colour, lower body"}
    drawn = []
    for head, counts in counted.items():
        shares = counts / counts.sum(1, keepdims=True).clip(1)
        cells = {
            (i, j): Cell(share, str(counts[i, j] or ""), f"{100 * share:.0f} % of the class", i == j)
            for (i, j), share in ((place, float(shares[place])) for place in np.ndindex(counts.shape))
        }
        words = f"{int(counts.sum())} images, true ↓ told →"
        drawn.append(Matrix(titles.get(head, head), words, classes[head], classes[head], cells))
    return matrices([drawn], "Confusion matrices")


def matrices(lines: Sequence[Sequence[Matrix]], label: str, cell: tuple[int, int] = (30, 30)) -> str:
    """Lines of matrices below each other, their cells `cell` px wide and high."""
    placed, right, y = [], 0, 0
    for line in lines:
        x = 0
        for matrix in line:
            placed.append((matrix, x, y))
            x += max(WORD + cell[0] * len(matrix.columns), 230, 7 * len(matrix.title)) + GAP
        right, y = max(right, x), y + TOP + cell[1] * max(len(matrix.rows) for matrix in line) + GAP
    size = {
        "width": right - GAP + 40,
        "height": y - GAP + 4,
        "left": WORD,
        "top": TOP,
        "wide": cell[0],
        "high": cell[1],
    }
    return templates.fill("matrices.svg", **size, label=label, placed=placed)
