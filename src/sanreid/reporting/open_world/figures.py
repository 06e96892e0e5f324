"""What the open world looks like: distances with their thresholds, groups found over the orders, the groups themselves.

Decisions: arrays in, one uint8 RGB array out, as the image grids. Distances are drawn sorted, against the share of the
sequence, so that a threshold's errors to either side can be read off the axis. Of a group its images are picked evenly,
and those of another class than its most frequent one are framed and marked.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from sanreid.evaluation.open_world import protocol
from sanreid.evaluation.open_world.thresholds import Sequences
from sanreid.reporting.shared.image_grids import INK, PAPER, SOFT, WRONG, Picture, Sheet, font, rasterised

GAP, TEXT, FRAME = 6, 13, 2
LINES = ["#c2503a", "#6b57cf", "#13917a", "#d08414", "#b0479a", "#7d6a4d", "#3f8a3c"]
SHOWN = ("mean + sigmas", "equal error", "tuned")  # thresholds that are drawn, beside those set by hand


def distances(sequences: dict[str, Sequences], calibrated: dict[str, dict[str, float]]) -> Picture:
    """Sorted in-class and between-class distances, a panel a link, and the thresholds that came of them."""
    figure = Figure(figsize=(5.6 * len(sequences), 4.2), dpi=100, layout="constrained")
    for axes, (link, (inside, between)) in zip(
        np.ravel(figure.subplots(1, len(sequences), sharey=True)), sequences.items(), strict=True
    ):
        for values, colour, name in ((inside, "#2c63c8", "in-class"), (between, "#8b96a8", "between classes")):
            axes.plot(np.linspace(0, 100, len(values)), values, color=colour, linewidth=2, label=name)
        drawn = [rule for rule in calibrated[link] if rule in SHOWN or rule.startswith("by hand")]
        for rule, colour in zip(drawn, LINES, strict=False):
            value = calibrated[link][rule]
            dashes, name = (":", rule) if rule.startswith("by hand") else ("--", f"{rule}: {value:.2f}")
            axes.axhline(value, color=colour, linestyle=dashes, linewidth=1.3, label=name)
        axes.set_title(f"{link}: " + ("to classes' barycentres" if link == "barycentre" else "of pairs"), fontsize=10)
        axes.set_xlabel("share of the sequence, %")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8, loc="upper left")
        axes.set_xlim(0, 100)
    figure.axes[0].set_ylabel("distance")
    return rasterised(figure)


def counts(runs: pd.DataFrame, link: str) -> Picture:
    """Groups found in each run of all images, by rule, before and after the remedies: how far the order decides."""
    mine = runs[(runs["link"] == link) & (runs["length"] == "all")]
    rules = list(dict.fromkeys(mine["rule"]))
    figure = Figure(figsize=(1.35 * len(rules) + 2, 4), dpi=100, layout="constrained")
    axes = figure.subplots()
    random = np.random.default_rng(0)
    for kind, colour, shift in ((protocol.REMEDIES[0], "#8b96a8", -0.17), (protocol.REMEDIES[-1], "#2c63c8", 0.17)):
        rows = mine[mine["remedy"] == kind]
        place = rows["rule"].map(rules.index) + shift + random.uniform(-0.09, 0.09, len(rows))
        axes.scatter(place, rows["found"], s=13, color=colour, alpha=0.6, linewidths=0, label=f"remedy: {kind}")
    for truth in sorted(mine["classes"].unique()):
        axes.axhline(truth, color="0.3", linewidth=1, linestyle="--")
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xticks(range(len(rules)), [rule.replace(", ", ",\n") for rule in rules], fontsize=9)
    axes.set_ylabel("groups found (dashed: classes)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return rasterised(figure)


def groups(
    stream: pd.DataFrame, read: Callable[[str], Image.Image], word: str, most: int, images: int, height: int
) -> Picture:
    """A row a found group, the largest `most`: its size and most frequent class, and up to `images` of its images.

    `stream` has path, class and group; `read` opens a picture by its path, drawn `height` px high.
    """
    sizes = stream["group"].value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
    rows = []
    for number, group in enumerate(sizes.index[:most], 1):
        own = stream[stream["group"] == group]
        main = own["class"].value_counts(sort=False).sort_index().idxmax()
        picked = own.iloc[np.linspace(0, len(own) - 1, min(images, len(own))).round().astype(int)]
        cells = [(_scaled(read(p), height), c == main) for p, c in zip(picked["path"], picked["class"], strict=True)]
        share = (own["class"] == main).mean()
        rows.append((f"group {number}: {len(own)} images", f"{100 * share:.0f} % {word} {main}", cells))
    left = 3 * GAP + max(int(font(TEXT).getlength(text)) for head, below, _ in rows for text in (head, below))
    step = max(height + 2 * FRAME, 2 * TEXT + GAP) + GAP
    width = left + max(sum(cell.width + 2 * FRAME + GAP for cell, _ in cells) for *_, cells in rows)
    rest = len(sizes) - len(rows)
    sheet = Sheet(width, GAP + step * len(rows) + (TEXT + 2 * GAP if rest else 0))
    for i, (head, below, cells) in enumerate(rows):
        y, x = GAP + i * step, left
        middle = y + step // 2 - GAP // 2
        sheet.text(GAP, middle - 2, head, TEXT, INK, "ld")
        sheet.text(GAP, middle + 2, below, TEXT, SOFT, "la")
        for cell, right in cells:
            if not right:
                sheet.draw.rectangle(
                    (x, y, x + cell.width + 2 * FRAME - 1, y + cell.height + 2 * FRAME - 1), fill=WRONG
                )
            sheet.image.paste(cell, (x + FRAME, y + FRAME))
            if not right:
                place = x + FRAME + 2, y + FRAME
                sheet.draw.text(place, "✗", WRONG, font(TEXT), "la", stroke_width=2, stroke_fill=PAPER)
            x += cell.width + 2 * FRAME + GAP
    if rest:
        sheet.text(GAP, sheet.image.height - GAP, f"and {rest} smaller groups", TEXT, SOFT, "ld")
    return np.asarray(sheet.image)


def _scaled(picture: Image.Image, height: int) -> Image.Image:
    size = max(1, round(picture.width * height / picture.height)), height
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
