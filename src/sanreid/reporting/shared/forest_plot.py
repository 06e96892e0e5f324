"""Paired differences as a forest plot: a row a comparison, its seeds, their mean, and the mean's 95 % interval.

Decisions: inline SVG in the page's colours, as the charts. The axis is drawn for the seeds: an interval of two seeds
is a dozen times as wide as they lie apart, so a whisker that leaves the plot ends in an arrow, and its numbers stand
beside the row. A mean is filled only where something is claimed, so that the eye finds a gain without being told.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from sanreid.reporting.shared.line_chart import LETTER, number, ticks
from sanreid.reporting.shared.number_format import signed

ROW, HEAD, FOOT = 30, 12, 36  # px: a row's height, and the room above and below the rows
REACH = 1.9  # the axis ends at this times the farthest seed, unless all intervals end before


@dataclass(frozen=True)
class Row:
    """A comparison: its name, seed -> difference in points, their mean, the interval or None, and words at the right.

    `kind` is the colour class of the variant; `claimed` tells that the interval excludes 0 on enough seeds.
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
    left = max(len(row.name) for row in rows) * LETTER + 14
    right = width - max(len(row.words) for row in rows) * LETTER - 12
    low, high = limits(rows)
    foot = HEAD + ROW * len(rows)
    height = foot + FOOT

    def px(points: float) -> float:
        return left + (min(max(points, low), high) - low) / (high - low) * (right - left)

    parts = []
    for tick in ticks(low, high, 5):
        parts.append(f'<path class="grid" d="M{px(tick):.1f} {HEAD}V{foot}"/>')
        parts.append(
            f'<text x="{px(tick):.1f}" y="{foot + 15}" text-anchor="middle">{number(tick).replace("-", "−")}</text>'
        )
    parts.append(f'<path class="zero" d="M{px(0):.1f} {HEAD - 4}V{foot}"/>')
    parts.append(f'<text class="axis" x="{(left + right) / 2:.1f}" y="{height - 4}" text-anchor="middle">points</text>')
    for i, row in enumerate(rows):
        parts.append(_row(row, HEAD + ROW * i + ROW / 2, px, (low, high), right + 12))
    return (
        f'<svg class="chart forest" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


def limits(rows: Sequence[Row]) -> tuple[float, float]:
    """The axis: zero, every seed, and every interval that does not reach far beyond the seeds."""
    values = [value for row in rows for value in row.seeds.values()]
    ends = [end for row in rows for end in row.interval or ()]
    reach = REACH * max(abs(v) for v in values)
    low = min(0.0, *values, *(max(e, -reach) for e in ends))
    high = max(0.0, *values, *(min(e, reach) for e in ends))
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def _row(row: Row, y: float, px: Callable[[float], float], axis: tuple[float, float], words_x: float) -> str:
    """One comparison around the height `y`; `px` places points, `axis` are its ends, `words_x` is where words start."""
    kind = escape(row.kind)
    parts = [f'<text x="0" y="{y + 4:.1f}">{escape(row.name)}</text>']
    if row.interval:
        low, high = px(row.interval[0]), px(row.interval[1])
        parts.append(f'<path class="line {kind}" d="M{low:.1f} {y:.1f}H{high:.1f}"/>')
        for x, beyond, away in ((low, row.interval[0] < axis[0], -5), (high, row.interval[1] > axis[1], 5)):
            arrow = f"M{x - away:.1f} {y - 4:.1f}L{x:.1f} {y:.1f}L{x - away:.1f} {y + 4:.1f}"
            parts.append(f'<path class="line {kind}" d="{arrow if beyond else f"M{x:.1f} {y - 4:.1f}V{y + 4:.1f}"}"/>')
    for seed, points in row.seeds.items():
        tip = f"<title>seed {seed}: {signed(points)}</title>"
        parts.append(f'<circle class="seed {kind}" cx="{px(points):.1f}" cy="{y + 8:.1f}" r="2.5">{tip}</circle>')
    state = "claimed" if row.claimed else "open"
    tip = f"<title>{escape(row.name)}: {escape(row.words)}</title>"
    parts.append(f'<circle class="mean {kind} {state}" cx="{px(row.mean):.1f}" cy="{y:.1f}" r="5">{tip}</circle>')
    parts.append(f'<text x="{words_x:.1f}" y="{y + 4:.1f}">{escape(row.words)}</text>')
    return "".join(parts)
