"""Charts of lines and marks as inline SVG whose colours follow the page, in light, dark and print.

Decisions: text at 12 px of the drawing's own size, and a method keeps its colour in every chart of a page. Colours are
the page's: class `m0`, `m1` ... for variants in the table's order, `f` for floors; the template writes the legend. Kept
by hand, placed here and written by chart.svg: six lines of 120 points take 3 ms, 80 ms as matplotlib's SVG, whose
colours know no dark page, and plotly's script alone is 4.8 MB in a page that is mailed. The drawing carries its values:
where plotly lies beside the page, it draws them at the window's size and shows them on hover (charts.js).
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from sanreid.reporting.shared import templates

LEFT, RIGHT, TOP, BOTTOM = 46, 14, 14, 38  # px around the plot, for the axes' words
NAMED = 14  # px more above it, for the y axis's name
LETTER = 6.6  # px a character of a row's name takes
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
ENDS = {"line-ns": "v-4v8", "triangle-left": "l5-4v8z", "triangle-right": "l-5-4v8z"}  # plotly's names


@dataclass(frozen=True)
class Line:
    """A polyline, or marks at its points; `kind` is its CSS class, `tip` shows on hover.

    `mark` is "" for a polyline, "circle" or one of ENDS.
    """

    xs: Sequence[float]
    ys: Sequence[float]
    kind: str
    tip: str = ""
    mark: str = ""


def chart(
    lines: Sequence[Line],
    title: str,
    x_label: str,
    y_range: tuple[float, float] | None = None,
    size: tuple[int, int] = (460, 270),
    x_range: tuple[float, float] | None = None,
    rows: Sequence[str] = (),
    log: bool = False,
    y_label: str = "",
) -> str:
    """An SVG chart of `lines`; a range of None is the data's. Raises ValueError where nothing is finite.

    `log` is of an x axis of values above 0. With `rows` the y axis has their names instead of numbers, row 0 on top; a
    name may have two lines. Otherwise `y_label` names it, above its upper end, where words need not be turned.
    """
    if bool(y_label) == bool(rows):  # an axis without words tells nobody anything
        raise ValueError(f"chart '{title}': the y axis has either rows or a name")
    xs = [float(x) for line in lines for x in line.xs]
    ys = [float(y) for line in lines for y in line.ys if math.isfinite(y)]
    if not xs or not ys:
        raise ValueError(f"chart '{title}': no finite value to draw")
    width, height = size
    left = max(len(words) for row in rows for words in row.split("\n")) * LETTER + 14 if rows else LEFT
    y_range = (len(rows) - 0.5, -0.5) if rows else y_range
    top = TOP + (NAMED if y_label else 0)
    (x0, x1), (y0, y1) = x_range or (min(xs), max(max(xs), min(xs) + 1e-9)), y_range or _padded(min(ys), max(ys))

    place: Callable[[float], float] = math.log10 if log else float

    def px(x: float) -> float:
        return left + (place(x) - place(x0)) / (place(x1) - place(x0)) * (width - left - RIGHT)

    def py(y: float) -> float:
        return height - BOTTOM - min(max((y - y0) / (y1 - y0), 0), 1) * (height - top - BOTTOM)

    marks = []
    for line in lines:
        finite = ((x, y) for x, y in zip(line.xs, line.ys, strict=True) if math.isfinite(y))
        marks.append((line, [(f"{px(x):.1f}", f"{py(y):.1f}") for x, y in finite]))
    drawn = [vars(line) | {"xs": _short(line.xs), "ys": _short(line.ys)} for line in lines]
    axes = {"x": x_label, "y": y_label, "xrange": x_range, "yrange": y_range}
    axes |= {"size": size, "rows": list(rows), "log": log}
    return templates.fill(
        "chart.svg",
        title=title,
        x_label=x_label,
        y_label=y_label,
        values=escape(json.dumps({**axes, "lines": drawn}, separators=(",", ":"))),
        width=width,
        height=height,
        names=[(row.split("\n"), py(i)) for i, row in enumerate(rows)],
        xs=[(px(x), number(x), x == 0) for x in (decades if log else ticks)(x0, x1, 6)],
        ys=[] if rows else [(py(y), number(y)) for y in ticks(y0, y1, 6)],
        box=(left, top, width - RIGHT, height - BOTTOM),
        marks=marks,
        ends=ENDS,
    )


def _short(values: Sequence[float]) -> list[float | None]:
    """Five digits a value; what is not finite is null, a gap of the line."""
    return [float(f"{v:.5g}") if math.isfinite(v) else None for v in values]


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
    """A tick's number as people write it, without superfluous digits: 0.5, 20, 1500, 20,000, 2×10⁻⁵."""
    if 0 < abs(value) < 1e-4:
        digits, _, exponent = f"{value:.3e}".partition("e")
        power = "10⁻" + str(-int(exponent)).translate(SUPERSCRIPTS)
        return f"{float(digits):g}×{power}".removeprefix("1×").replace("-1×", "-").replace("-", "−")
    return (f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}").replace("-", "−")


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
    return templates.fill("dots.svg", values=values, kind=kind, radius=4 if floor else 5)
