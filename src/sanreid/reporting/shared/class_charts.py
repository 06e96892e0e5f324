"""Histograms and confusion matrices of attributes as SVG that stands alone and sits in the page, in light and dark.

Decisions: shares and not counts are drawn, since train and validation differ in size fourfold and it is their balance
that the reader judges; the counts stand beside. A confusion matrix's rows are shares of the true class: colour is its
recall, whatever the class's size, and the count is written in the cell. Text is 12 px of the drawing's own size.
"""

from collections.abc import Mapping, Sequence
from html import escape

from sanreid.evaluation.attributes import Counts

ROW, BAR, WORD, NUMBER = 30, 10, 78, 44  # px: a class's height, a bar's, room for its name, for its counts
PLOT, GAP, HEAD = 118, 26, 26  # px: a full bar, between panels, a panel's title
CELL = 30  # px of a confusion matrix
STYLE = """
.attributes{--a-ink:#1a2230;--a-soft:#5a6679;--a-rim:#dfe4ec;--a-one:#2c63c8;--a-two:#d08414;--a-three:#13917a;
 font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.attributes text{font-size:12px;fill:var(--a-soft)} .attributes .title{font-weight:600;fill:var(--a-ink)}
.attributes .name{fill:var(--a-ink)} .attributes .rail{stroke:var(--a-rim);stroke-width:1}
.attributes .b0{fill:var(--a-one)} .attributes .b1{fill:var(--a-two)} .attributes .b2{fill:var(--a-three)}
.attributes .cell{fill:var(--a-one);stroke:none} .attributes .frame{fill:none;stroke:var(--a-rim)}
.attributes .strong{fill:#fff} .attributes .diagonal{fill:none;stroke:var(--a-ink);stroke-width:1.2}
@media (prefers-color-scheme:dark){.attributes{--a-ink:#e6ebf4;--a-soft:#9fabbe;--a-rim:#2a3442;--a-one:#7aa7ff;
 --a-two:#f0ae4e;--a-three:#4fcdb2} .attributes .strong{fill:#0f141b}}
@media print{.attributes{--a-ink:#000;--a-soft:#444;--a-rim:#ccc;--a-one:#2c63c8;--a-two:#d08414;--a-three:#13917a}
 .attributes .strong{fill:#fff}}
"""


def histograms(
    counts: Mapping[str, Mapping[str, Sequence[int]]], classes: Mapping[str, Sequence[str]], columns: int = 4
) -> str:
    """A panel a head with the share of each class in each split; `counts` is split -> head -> images a class."""
    splits = list(counts)
    if not 1 <= len(splits) <= 3:
        raise ValueError(f"histograms are of one to three splits, given {len(splits)}")
    width = WORD + PLOT + NUMBER + 24
    heights = {head: HEAD + len(names) * _row(len(splits)) for head, names in classes.items()}
    parts, y = [], 24.0
    for i, split in enumerate(splits):
        parts.append(f'<rect class="b{i}" x="{i * 110}" y="2" width="11" height="11" rx="2"/>')
        parts.append(f'<text x="{i * 110 + 17}" y="12">{escape(split)}</text>')
    heads = sorted(classes, key=lambda head: len(classes[head]))  # rows of panels of one height
    for start in range(0, len(heads), columns):
        some = heads[start : start + columns]
        for i, head in enumerate(some):
            parts += _panel(head, classes[head], [counts[s][head] for s in splits], i * (width + GAP), y)
        y += max(heights[head] for head in some) + GAP
    shown = min(columns, len(heads))
    return _svg(shown * (width + GAP) - GAP, y - GAP + 4, "Histogram of each attribute", parts)


def confusion(matrices: Mapping[str, Counts], classes: Mapping[str, Sequence[str]]) -> str:
    """A matrix a head, side by side: rows are the true classes, columns the predicted ones, cells counts of images."""
    parts: list[str] = []
    x, bottom = 0.0, 0.0
    for head, counts in matrices.items():
        names = classes[head]
        left, top = x + WORD, 92.0
        parts.append(f'<text class="title" x="{x:.0f}" y="14">{escape(_words(head))}</text>')
        parts.append(f'<text x="{x:.0f}" y="31">{int(counts.sum())} images, true ↓ told →</text>')
        for i, name in enumerate(names):
            centre = left + (i + 0.5) * CELL
            turn = f"translate({centre + 4:.0f} {top - 6:.0f}) rotate(-50)"
            parts.append(f'<text class="name" transform="{turn}">{escape(name)}</text>')
            parts.append(
                f'<text class="name" x="{left - 6:.0f}" y="{top + (i + 0.5) * CELL + 4:.0f}" text-anchor="end">'
                f"{escape(name)}</text>"
            )
            total = int(counts[i].sum())
            for j, n in enumerate(int(v) for v in counts[i]):
                parts += _cell(left + j * CELL, top + i * CELL, n, n / total if total else 0.0, i == j)
        side = len(names) * CELL
        parts.append(f'<rect class="frame" x="{left}" y="{top}" width="{side}" height="{side}"/>')
        x, bottom = max(left + side, x + 230) + GAP, max(bottom, top + side)
    return _svg(x - GAP + 40, bottom + 4, "Confusion matrices", parts)


def _cell(x: float, y: float, count: int, share: float, right: bool) -> list[str]:
    shape = f'x="{x + 1:.0f}" y="{y + 1:.0f}" width="{CELL - 2}" height="{CELL - 2}"'
    parts = [f'<rect class="cell" {shape} fill-opacity="{share:.3f}"/>'] if share else []
    if right:
        parts.append(f'<rect class="diagonal" {shape}/>')
    if count:
        tone = ' class="strong"' if share > 0.55 else ' class="name"'
        text = f'x="{x + CELL / 2:.0f}" y="{y + CELL / 2 + 4:.0f}" text-anchor="middle"'
        parts.append(f"<text{tone} {text}>{count}<title>{100 * share:.0f} % of the class</title></text>")
    return parts


def _panel(head: str, names: Sequence[str], counts: Sequence[Sequence[int]], x: float, y: float) -> list[str]:
    parts = [f'<text class="title" x="{x:.0f}" y="{y + 12:.0f}">{escape(_words(head))}</text>']
    left, row = x + WORD, _row(len(counts))
    for k, name in enumerate(names):
        top = y + HEAD + k * row
        middle = top + (row - 8) / 2 + 4
        parts.append(
            f'<text class="name" x="{left - 6:.0f}" y="{middle:.0f}" text-anchor="end">{escape(name)}</text>'
            f'<path class="rail" d="M{left:.0f} {top - 1:.0f}v{row - 6}"/>'
        )
        for s, values in enumerate(counts):
            total, bar = sum(values), top + s * (BAR + 1)
            share = values[k] / total if total else 0.0
            parts.append(
                f'<rect class="b{s}" x="{left:.0f}" y="{bar:.0f}" width="{PLOT * share:.1f}" height="{BAR}" rx="2">'
                f"<title>{escape(name)}: {100 * share:.1f} %, {values[k]} images</title></rect>"
                f'<text x="{left + PLOT * share + 5:.1f}" y="{bar + 9:.0f}" style="font-size:10px">{values[k]}</text>'
            )
    return parts


def _row(splits: int) -> int:
    return splits * (BAR + 1) + 8


def _words(head: str) -> str:
    words = {"up_color": "colour, upper body", "down_color": "colour, lower body", "up": "sleeve", "down": "lower body"}
    return words.get(head, head)


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg class="attributes" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{escape(title)}">'
        f"<style>{STYLE}</style>{''.join(parts)}</svg>"
    )
