"""Line charts as inline SVG whose colours follow the page, in light, dark and print.

Decisions: text at 12 px of the drawing's own size, labels beside the lines' ends instead of a legend to look up, and
a method keeps its colour in every chart of a page. Colours are the page's: class `m0`, `m1` ... for variants in the
table's order, `f` for floors. Kept by hand: six lines of 120 points are 10 kB in 2 ms here, 28 kB in 80 ms as
matplotlib's SVG, whose colours know no dark page, and plotly's script alone is 4.8 MB in a page that is mailed. The
drawing carries its values, so that plotly, where it lies beside the page, tells them when pointed at (charts.js).
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from scipy import optimize

LEFT, TOP, BOTTOM = 46, 14, 38  # px around the plot, for the axes' words
LETTER = 6.6  # px a character of a label takes


@dataclass(frozen=True)
class Line:
    """A polyline; `label` stands at its right end ('' for none), `kind` is its CSS class, `tip` shows on hover."""

    xs: Sequence[float]
    ys: Sequence[float]
    kind: str
    label: str = ""
    tip: str = ""


def chart(
    lines: Sequence[Line],
    title: str,
    x_label: str,
    y_range: tuple[float, float] | None = None,
    size: tuple[int, int] = (460, 270),
    log: bool = False,
) -> str:
    """An SVG chart of `lines`; `y_range` None takes the data's range; `log` is of an x axis of values above 0.

    Raises ValueError where nothing is finite.
    """
    width, height = size
    xs = [float(x) for line in lines for x in line.xs]
    ys = [float(y) for line in lines for y in line.ys if math.isfinite(y)]
    if not xs or not ys:
        raise ValueError(f"chart '{title}': no finite value to draw")
    labels = [line for line in lines if line.label]
    right = 14 + (max(len(line.label) for line in labels) * LETTER + 8 if labels else 0)
    low, high = y_range or _padded(min(ys), max(ys))
    x0, x1 = min(xs), max(max(xs), min(xs) + 1e-9)

    place: Callable[[float], float] = math.log10 if log else float

    def px(x: float) -> float:
        return LEFT + (place(x) - place(x0)) / (place(x1) - place(x0)) * (width - LEFT - right)

    def py(y: float) -> float:
        return height - BOTTOM - (min(max(y, low), high) - low) / (high - low) * (height - TOP - BOTTOM)

    parts = []
    for y in ticks(low, high, 6):
        parts.append(f'<path class="grid" d="M{LEFT} {py(y):.1f}H{width - right:.1f}"/>')
        parts.append(f'<text x="{LEFT - 7}" y="{py(y) + 4:.1f}" text-anchor="end">{number(y)}</text>')
    below = f'y="{height - BOTTOM + 17}" text-anchor="middle"'
    parts += [f'<text x="{px(x):.1f}" {below}>{number(x)}</text>' for x in (decades if log else ticks)(x0, x1, 6)]
    middle = (LEFT + width - right) / 2
    parts.append(f'<text class="axis" x="{middle:.1f}" y="{height - 5}" text-anchor="middle">{escape(x_label)}</text>')
    for line in lines:
        points = [(px(x), py(y)) for x, y in zip(line.xs, line.ys, strict=True) if math.isfinite(y)]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        tip = f"<title>{escape(line.tip or line.label)}</title>"
        parts.append(f'<path class="line {escape(line.kind)}" d="{path}">{tip}</path>')
    parts += _end_labels(labels, px, py, height - BOTTOM)
    values = escape(_values(lines, x_label, y_range, size, log))
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}" data-chart="{values}">{"".join(parts)}</svg>'
    )


def _values(
    lines: Sequence[Line], x_label: str, y_range: tuple[float, float] | None, size: tuple[int, int], log: bool
) -> str:
    """The chart as JSON, five digits a value; what is not finite is null, a gap of the line."""

    def short(values: Sequence[float]) -> list[float | None]:
        return [float(f"{v:.5g}") if math.isfinite(v) else None for v in values]

    told = [
        {"x": short(n.xs), "y": short(n.ys), "kind": n.kind, "label": n.label, "tip": n.tip or n.label} for n in lines
    ]
    return json.dumps({"x": x_label, "range": y_range, "size": size, "log": log, "lines": told}, separators=(",", ":"))


def _end_labels(
    lines: Sequence[Line], px: Callable[[float], float], py: Callable[[float], float], floor: float
) -> list[str]:
    """Labels right of the lines' ends, moved apart where they would overlap, between the top and `floor` px."""
    ends = sorted(((py(line.ys[-1]), px(line.xs[-1]), line) for line in lines), key=lambda e: e[0])
    ys = separate([y for y, _, _ in ends], [13.0] * len(ends), gap=1.0)
    ys = [max(y, TOP + 14.0 * i) for i, y in enumerate(ys)]
    ys = [min(y, floor - 14.0 * i) for i, y in enumerate(reversed(ys))][::-1]
    return [
        f'<text class="end {escape(line.kind)}" x="{x + 7:.1f}" y="{y + 4:.1f}">{escape(line.label)}</text>'
        for y, (_, x, line) in zip(ys, ends, strict=True)
    ]


def separate(wish: Sequence[float], widths: Sequence[float], gap: float) -> list[float]:
    """The positions nearest to `wish` (least squares) that keep the order and `gap` px between boxes of `widths`."""
    if not wish:
        return []
    half = np.asarray(widths) / 2
    offsets = np.concatenate([[0.0], np.cumsum(half[:-1] + half[1:] + gap)])
    return (optimize.isotonic_regression(np.asarray(wish) - offsets).x + offsets).tolist()


def _padded(low: float, high: float) -> tuple[float, float]:
    """A range around the data; it starts at zero where that costs little room."""
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    bottom = 0.0 if 0 <= low < 0.35 * high else low - room
    return bottom, high + room


def ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` round numbers (1, 2 or 5 times a power of ten apart) in [low, high]."""
    step = 10.0 ** math.floor(math.log10((high - low) / most)) if high > low else 1.0
    for factor in (1, 2, 5, 10, 20):
        first = math.ceil(low / (step * factor) - 1e-9)
        last = math.floor(high / (step * factor) + 1e-9)
        if last - first + 1 <= most:
            return [round(i * step * factor, 12) for i in range(first, last + 1)]
    return [low, high]


def decades(low: float, high: float, most: int) -> list[float]:
    """At most `most` powers of ten in [low, high]; the outer two stay where there are more."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return [10.0**k for k in range(first, last + 1, max(1, -(-(last - first) // most)))]


def number(value: float) -> str:
    """A tick's number without superfluous digits: 0.5, 20, 1500."""
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"


def thin(xs: Sequence[float], ys: Sequence[float], most: int = 120) -> tuple[list[float], list[float]]:
    """A noisy record as at most `most` points, each the mean of a run of neighbours; NaN values are left out."""
    x, y = np.asarray(xs, dtype=float), np.asarray(ys, dtype=float)
    keep = np.isfinite(y)
    x, y = x[keep], y[keep]
    if not len(x):
        return [], []
    groups = min(most, len(x))
    return (
        [float(g.mean()) for g in np.array_split(x, groups)],
        [float(g.mean()) for g in np.array_split(y, groups)],
    )


def dots(values: Sequence[float], kind: str, floor: bool) -> str:
    """Fractions in [0, 1] as dots on a scale from 0 to 100 %, for a cell of the table."""
    width, middle = 190, 9
    marks = "".join(f'<path class="grid" d="M{5 + (width - 10) * t / 4:.1f} 2V16"/>' for t in range(5))
    rail = f'<path class="grid" d="M5 {middle}H{width - 5}"/>'
    radius, tone = (4.0, "f") if floor else (5.0, escape(kind))
    points = "".join(
        f'<circle class="{tone}" cx="{5 + (width - 10) * v:.1f}" cy="{middle}" r="{radius}">'
        f"<title>{100 * v:.1f}</title></circle>"
        for v in values
    )
    return f'<svg viewBox="0 0 {width} 18" role="img" aria-label="0 to 100 percent">{marks}{rail}{points}</svg>'
