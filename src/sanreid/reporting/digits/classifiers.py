"""The digits' runs, and their classifiers: the table as CSV and Markdown, and its page.

Decisions: which runs there are is told by section `mnist`, not by the folders, where an earlier run's may still lie. An
accuracy on a thousand digits is uncertain by more than the classifiers differ, so its 95 % interval (Wilson 1927)
stands beside it. Published numbers are of the full 60,000 training digits, and are marked.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from scipy.stats import binomtest

from sanreid.graph_params import Runs as Runs
from sanreid.reporting.shared import markdown_table, templates

PUBLISHED_NOTE = "Published numbers are of the full 60,000 training digits, tested on 10,000."


class Row(NamedTuple):
    """A classifier: how many of the `tested` digits it told `right`, and what it cost."""

    name: str
    right: int
    tested: int
    trained: int
    parameters: int
    epochs: int
    seconds: float


def wilson(right: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share `right` / `of` (E. B. Wilson, JASA 1927)."""
    found = binomtest(right, of).proportion_ci(0.95, "wilson")
    return float(found.low), float(found.high)


def cells(row: Row) -> list[str]:
    """Accuracy and its interval in percent, parameters, epochs, seconds, in words."""
    low, high = (100 * x for x in wilson(row.right, row.tested))
    told = f"{100 * row.right / row.tested:.1f}", f"{low:.1f} to {high:.1f}", f"{row.parameters:,}"
    return [*told, str(row.epochs), f"{row.seconds:.0f}"]


def frame(rows: Sequence[Row]) -> pd.DataFrame:
    """The table with all digits: accuracies as fractions."""
    made = []
    for row in rows:
        low, high = wilson(row.right, row.tested)
        made.append({"model": row.name, "accuracy": row.right / row.tested, "low": low, "high": high} | row._asdict())
    return pd.DataFrame(made).drop(columns=["name"])


def markdown(rows: Sequence[Row], published: Mapping[str, float]) -> str:
    """The table in words, accuracies in percent; `published` is label -> percent."""
    lines = [[row.name, *cells(row)[:-1], f"{cells(row)[-1]} s"] for row in rows]
    lines += [[f"*{label} (published)*", f"{value:.2f}", *[""] * 4] for label, value in published.items()]
    sizes = sorted({(row.trained, row.tested) for row in rows})
    here = "; ".join(f"{trained:,} training digits, tested on {tested:,}" for trained, tested in sizes)
    table = markdown_table.table(["", "accuracy", "95 %", "parameters", "epochs", "training"], lines)
    return f"{table}\n\nMeasured here: {here}. {PUBLISHED_NOTE}\n"


def page(rows: Sequence[Row], published: Mapping[str, float], confusion: str, notices: Sequence[str]) -> str:
    """The HTML text; `confusion` is the SVG that lies beside it, so that both say the same. ValueError for no rows."""
    if not rows:
        raise ValueError("the digits' page needs a classifier")
    told = {"rows": rows, "cells": cells, "best": max(rows, key=lambda row: row.right / row.tested)}
    told |= {"tiles": [templates.Tile(cells(row)[0], f"accuracy, % · {row.name}") for row in rows]}
    told |= {"published": published, "confusion": confusion, "note": PUBLISHED_NOTE, "notices": notices}
    return templates.render("digits/page.html", **told)
