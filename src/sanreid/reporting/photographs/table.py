"""The table of a set of photographs: a row a network or floor, from the metrics.json that each left.

Decisions: what was measured of other pictures or weights than lie there now, or ranked by other numbers, is left out
and named, never shown beside what is new. Floors come first. The long table.csv has every number; table.md, the page's
first table as text, has rank-1 and mAP of everybody.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from sanreid import runtime
from sanreid.evaluation.photographs import MEASURES, Settings
from sanreid.reporting.photographs.measure import FLOORS, digest
from sanreid.reporting.shared import markdown_table
from sanreid.training import checkpoint

SHIPPED = "pretrained"  # the folder of the network that ships
NAMES = {
    SHIPPED: "the network that ships",
    "random": "random features",
    "stripes": "colour stripes",
    "imagenet": "ImageNet features (MobileNetV2), never trained on people",
}
TITLES = {"plain": "plain", "centred": "centred", "reranked": "re-ranked", "centred_reranked": "centred, re-ranked"}
COLUMNS = {"rank1": "rank-1", "rank5": "rank-5", "rank10": "rank-10", "mAP": "mAP"}


class Row(NamedTuple):
    """What one network or floor reached: its folder below the set's, its name, and its metrics.json."""

    folder: Path
    label: str
    floor: bool
    metrics: dict[str, Any]

    def cell(self, part: str, way: str, measure: str) -> tuple[str, str] | None:
        """A number in percent and its interval, "7.4" and "3.5 to 11.2"; None where it was not measured."""
        found = self.metrics["parts"].get(part, {}).get(way)
        if found is None:
            return None
        interval = found["intervals"]
        spread = "" if interval is None else "{:.1f} to {:.1f}".format(*(100 * v for v in interval[measure]))
        return f"{100 * found[measure]:.1f}", spread


def collect(folder: Path, pictures: str, settings: Settings) -> list[Row]:
    """The rows below `folder`, of the pictures that `measure.identity` names so, by `settings`; floors first, then by
    path.
    """
    rows = []
    for file in sorted(folder.rglob("metrics.json")):
        metrics = runtime.read_json(file)
        if stale := _stale(metrics, pictures, settings):
            runtime.log.warning("%s: left out, %s; measure it again", file, stale)
            continue
        place = file.parent.relative_to(folder)
        is_floor = place.parts[0] == FLOORS
        rows.append(
            Row(place, NAMES.get(place.as_posix().removeprefix(f"{FLOORS}/"), place.as_posix()), is_floor, metrics)
        )
    order = [*NAMES.values()]
    return sorted(rows, key=lambda r: (not r.floor, order.index(r.label) if r.label in order else len(order), r.label))


def _stale(metrics: dict[str, Any], pictures: str, settings: Settings) -> str | None:
    """Why a measurement no longer holds."""
    if metrics["pictures"] != pictures:
        return "it is of other pictures"
    if metrics["settings"] != asdict(settings):
        return "it was ranked or drawn by other numbers"
    if "model" in metrics:
        weights = Path(metrics["model"]) / checkpoint.WEIGHTS
        if not weights.is_file() or digest(weights) != metrics["weights"]:
            return f"the weights of {metrics['model']} are gone or other ones"
    return None


def long(rows: Sequence[Row]) -> pd.DataFrame:
    """One line a number: network, part, way, measure, value, low, high, as fractions."""
    lines = [
        (row.label, part, way, measure, found[measure], *(found["intervals"] or {}).get(measure, (None, None)))
        for row in rows
        for part, ways in row.metrics["parts"].items()
        for way, found in ways.items()
        for measure in MEASURES
    ]
    return pd.DataFrame(lines, columns=["network", "part", "way", "measure", "value", "low", "high"])


def markdown(rows: Sequence[Row]) -> str:
    """Rank-1 and mAP of everybody, percent with 95 % intervals, a column a way."""
    lines = []
    for row in rows:
        pairs = [[row.cell("all", way, m) for m in ("rank1", "mAP")] for way in TITLES]
        cells = (" / ".join(f"{c[0]} ({c[1]})" if c[1] else c[0] for c in pair if c) for pair in pairs)
        lines.append([row.label, *cells])
    return markdown_table.table(["rank-1 / mAP, percent (95 % intervals)", *TITLES.values()], lines) + "\n"
