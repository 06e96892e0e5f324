"""The page of the attributes: what was told right beside the majority class, in one self-contained HTML file.

Decisions: the headline is what the classifier has over the majority class, not the accuracy, which is high wherever a
class is rare. Colours and type are the pipeline's page's (page.css).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanreid.data.attributes import HEADS
from sanreid.evaluation.attributes import Head
from sanreid.reporting.shared import pictures, templates
from sanreid.reporting.shared.number_format import interval_words, percent, signed
from sanreid.reporting.shared.pictures import Picture
from sanreid.reporting.shared.templates import Tile

COLUMNS = ("accuracy", "majority", "balanced accuracy", "majority", "F1", "majority", "gain", "95 % interval")
HEIGHT = 150  # px of a person's picture


class Scored(NamedTuple):
    """One split: its rows (path, pid, the 12 heads), what was predicted (N, 12), and the scores by head."""

    rows: pd.DataFrame
    predicted: NDArray[np.int64]
    heads: Mapping[str, Head]

    @property
    def images(self) -> int:
        """How many."""
        return len(self.rows)

    @property
    def people(self) -> int:
        """How many the images are of."""
        return int(self.rows["pid"].nunique())


class Row(NamedTuple):
    """A row of the table; `shown` where the gain is above 0 for sure."""

    name: str
    cells: list[str]
    support: str
    shown: bool = False


def render(
    splits: Mapping[str, Scored],
    means: Mapping[str, Mapping[str, float | int]],
    last: str,
    histograms: str,
    confusion: str,
    shown: list[Picture],
    notices: list[str],
) -> str:
    """The HTML text; `last` is the split that counts, `means` are of `measures.mean`, `notices` of the training."""
    told = {"scored": splits, "mean": means[last], "last": last, "columns": COLUMNS, "heads": len(HEADS)}
    told |= {"histograms": histograms, "confusion": confusion, "pictures": shown, "notices": notices}
    tables = {split: table(splits[split], means[split]) for split in sorted(splits, key=lambda s: s != last)}
    return templates.render("attributes/page.html", **told, tables=tables, tiles=tiles(means[last]))


def tiles(mean: Mapping[str, float | int]) -> list[Tile]:
    """Accuracy, balanced accuracy and F1, each beside the majority's."""
    names = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "f1": "F1"}
    return [
        Tile(percent(mean[key]), f"{name}, %, mean over attributes", f"/ {percent(mean[f'majority_{key}'])} majority")
        for key, name in names.items()
        if key in mean
    ]


def table(split: Scored, mean: Mapping[str, float | int]) -> tuple[list[Row], list[Row]]:
    """The attributes of one split, those that gain most first, and their means."""
    order = sorted(split.heads, key=lambda head: -split.heads[head].gain)
    keys = [key for k in ("accuracy", "balanced_accuracy", "f1") for key in (k, f"majority_{k}")]
    cells = [percent(mean[key]) if key in mean else "–" for key in keys]
    gain = (
        100 * (mean["balanced_accuracy"] - mean["majority_balanced_accuracy"]) if "balanced_accuracy" in mean else None
    )
    means = Row("mean", [*cells, "" if gain is None else signed(gain), ""], f"{split.images} ({split.people})")
    return [row(head, split.heads[head]) for head in order], [means]


def row(name: str, head: Head) -> Row:
    """One attribute."""
    pairs = ((s.accuracy, s.balanced, s.f1) for s in (head.scores, head.baseline))
    cells = [percent(v) for pair in zip(*pairs, strict=True) for v in pair]
    interval = None if head.interval is None else (100 * head.interval[0], 100 * head.interval[1])
    support = [
        f"{label} {int(n)} ({people})"
        for label, n, people in zip(HEADS[name], head.counts.sum(1), head.carriers, strict=True)
        if n
    ]
    last = interval_words(interval) if head.judged else "not judged"
    return Row(name, [*cells, signed(100 * head.gain), last], ", ".join(support), head.shown)


def people(folder: Path, scored: Scored, count: int, seed: int) -> list[Picture]:
    """A picture each of `count` people, drawn by `seed`, under it what was taken for what."""
    rows, shown = scored.rows, []
    for pid in pictures.draw(sorted(rows["pid"].unique()), count, seed, "attributes"):
        number = pictures.draw(np.flatnonzero(rows["pid"] == pid).tolist(), 1, seed, f"attributes {pid}")[0]
        pairs = zip(HEADS.items(), rows[[*HEADS]].iloc[number], scored.predicted[number], strict=True)
        wrong = [f"{head}: {names[true]} → {names[told]}" for (head, names), true, told in pairs if true != told]
        caption = "; ".join([f"{len(HEADS) - len(wrong)} right", *wrong])
        shown.append(pictures.embed(pictures.load(folder / rows["path"].iloc[number]), caption, HEIGHT))
    return shown
