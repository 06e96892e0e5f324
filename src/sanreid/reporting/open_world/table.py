"""The open world's numbers in tables: a setting each, a row a rule and link, before and after the remedy.

Decisions: a setting's runs are pooled, ten divisions times twenty orders are two hundred runs, so mean, deviation and
worst are over both. Sizes that a stream ends at differ between divisions, so the whole stream is called "all". What was
published is of the full set and is a row of its own, marked, never averaged with anything measured here.
"""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from sanreid.evaluation.open_world import protocol
from sanreid.reporting.shared import markdown_table

ALL = "all"
HEAD = ("classes found", "right count", "accuracy", "worst accuracy", "adjusted Rand", "mutual information")
MENDED = protocol.REMEDIES[-1]


class Row(NamedTuple):
    """A line of a table: names, cells in words; `published` and `shown` (the headline's rule) set it apart."""

    names: tuple[str, ...]
    cells: tuple[str, ...]
    published: bool = False
    shown: bool = False


def pool(runs: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All runs of a setting as one table with a column `length`: the size, or ALL where it is the whole stream."""
    parts = []
    for part in runs:
        length = part["size"].astype(str).where(part["size"] < part["size"].max(), ALL)
        parts.append(part.assign(length=length))
    return pd.concat(parts, ignore_index=True)


def frame(pooled: pd.DataFrame) -> pd.DataFrame:
    """A row a rule, link, remedy and length with all digits: protocol.summarise, over divisions and orders alike."""
    keys = ["rule", "link", "remedy", "length"]
    made = [
        protocol.summarise(rows.assign(size=0)).assign(size=length)
        for length, rows in pooled.groupby("length", sort=False)
    ]
    return pd.concat(made, ignore_index=True).rename(columns={"size": "length", "orders": "runs"}).set_index(keys)


def cells(line: pd.Series) -> tuple[str, ...]:
    """HEAD in words: counts with one digit, the rest in percent, +- the deviation where there are runs to tell it."""

    def spread(name: str, scale: float) -> str:
        scatter = line[f"{name}_sd"]
        return f"{scale * line[name]:.1f}" + ("" if pd.isna(scatter) else f" ± {scale * scatter:.1f}")

    return (
        f"{spread('found', 1)} of {round(line['classes'], 1):g}",
        f"{100 * line['right_count']:.0f} %",
        f"{spread('accuracy', 100)} %",
        f"{100 * line['accuracy_worst']:.1f} %",
        spread("adjusted_rand", 100),
        spread("mutual_information", 100),
    )


def by_rule(summary: pd.DataFrame, remedy: str, shown: tuple[str, str]) -> list[Row]:
    """Of all images, a row a rule and link; the peers, which need no remedy, stand in every table."""
    return [
        Row((rule, link), cells(line), shown=(rule, link) == shown)
        for (rule, link, kind, length), line in summary.iterrows()  # pyrefly: ignore[not-iterable]
        if length == ALL and (kind == remedy or link == protocol.PEER)
    ]


def by_length(summary: pd.DataFrame, shown: tuple[str, str]) -> list[Row]:
    """Of the shown rule, a row a length and remedy."""
    return [
        Row((f"{int(length):,}" if length != ALL else ALL, kind), cells(line), shown=kind == MENDED)
        for (rule, link, kind, length), line in summary.iterrows()  # pyrefly: ignore[not-iterable]
        if (rule, link) == shown
    ]


def published(lines: dict[str, list[str]]) -> list[Row]:
    """Rows of what was published: label -> classes found, accuracy, in the source's words."""
    return [
        Row((label, ""), (found, "", accuracy, "", "", ""), published=True)
        for label, (found, accuracy) in lines.items()
    ]


def markdown(rows: Sequence[Row], names: Sequence[str]) -> str:
    """The table; published rows are set apart, the shown rule is bold."""
    lines = []
    for row in rows:
        first = (
            f"*{row.names[0]} (published)*" if row.published else f"**{row.names[0]}**" if row.shown else row.names[0]
        )
        lines.append([first, *row.names[1:], *row.cells])
    return markdown_table.table([*names, *HEAD], lines, len(names)) + "\n"
