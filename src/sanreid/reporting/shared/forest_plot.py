"""Paired differences as a forest plot: a row a comparison, its seeds, their mean, and the mean's 95 % interval.

Decisions: the axis is drawn for the seeds: an interval of two seeds is a dozen times as wide as they lie apart, so a
whisker that leaves the plot ends in an arrow, and its numbers stand below the row's name. A mean is filled only where
something is claimed, so that the eye finds a gain by itself.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sanreid.reporting.shared.line_chart import BOTTOM, TOP, Line, chart
from sanreid.reporting.shared.number_format import signed

ROW = 44  # px: a row's height
REACH = 1.9  # the axis ends at this times the farthest seed, unless all intervals end before


class Row(NamedTuple):
    """A comparison: its name, seed -> difference in points, their mean, the interval or None, and its words.

    `kind` is the colour class of the variant; `claimed` says that the interval excludes 0 on enough seeds.
    """

    name: str
    seeds: dict[int, float]
    mean: float
    interval: tuple[float, float] | None
    words: str
    kind: str
    claimed: bool


def forest(rows: Sequence[Row], title: str, width: int = 560) -> str:
    """The SVG of at least one row. Raises ValueError for none."""
    if not rows:
        raise ValueError(f"forest '{title}': no comparison to draw")
    low, high = limits(rows)
    edge = 0.02 * (high - low)  # room for the arrows
    lines = []
    for i, row in enumerate(rows):
        tip = f"{row.name}: {row.words}"
        if row.interval:
            ends = [
                (max(row.interval[0], low + edge), "triangle-left"),
                (min(row.interval[1], high - edge), "triangle-right"),
            ]
            lines.append(Line([x for x, _ in ends], [i, i], row.kind, tip))
            lines += [Line([x], [i], row.kind, tip, "line-ns" if x in row.interval else arrow) for x, arrow in ends]
        lines += [
            Line([x], [i + 0.2], f"{row.kind} seed", f"seed {k}: {signed(x)}", "circle") for k, x in row.seeds.items()
        ]
        lines.append(Line([row.mean], [i], f"{row.kind} mean {'claimed' if row.claimed else 'open'}", tip, "circle"))
    size, names = (width, TOP + ROW * len(rows) + BOTTOM), [f"{row.name}\n{row.words}" for row in rows]
    return chart(lines, title, "points", size=size, x_range=(low, high), rows=names)


def limits(rows: Sequence[Row]) -> tuple[float, float]:
    """The axis: zero, every seed, and every interval that does not reach far beyond the seeds."""
    values = [value for row in rows for value in row.seeds.values()]
    ends = [end for row in rows for end in row.interval or ()]
    reach = REACH * max(abs(v) for v in values)
    low = min(0.0, *values, *(max(e, -reach) for e in ends))
    high = max(0.0, *values, *(min(e, reach) for e in ends))
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room
