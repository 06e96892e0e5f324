"""The ladder of levers: what each step of rendering or training brings on a set of photographs, as table and page.

Decisions: gains are mAP of the centred ranking, the least noisy of the numbers, minus that of the step it stands on;
seeds are averaged before, draw by draw. A step whose interval holds 0 has shown nothing, and the table says so.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanreid import runtime
from sanreid.evaluation import photographs
from sanreid.evaluation.photographs import Found, Settings
from sanreid.reporting.shared import markdown_table, templates

SHOWN = ("plain", "centred")
BY = ("centred", "mAP")  # what gains are of


class Step(NamedTuple):
    """A step's name, the place of the step that it stands on, and what each seed found: part -> way -> Found."""

    name: str
    on: int | None
    seeds: Sequence[Mapping[str, Mapping[str, Found]]]

    def drawn(self, part: str, way: str, p: Settings) -> NDArray[np.float64]:
        """MEASURES in every draw of people, the mean of the seeds, (draws, len(MEASURES)).

        Raises ValueError where only one person asks.
        """
        values = [photographs.drawn(f.ranking, f.query.pids, p.draws, p.seed) for f in self._found(part, way)]
        kept = [v for v in values if v is not None]
        if len(kept) < len(values):
            raise ValueError(f"{part} people: only one of them asks, so no gain has an interval")
        return np.mean(kept, axis=0)

    def value(self, part: str, way: str, measure: str) -> float:
        """A measure, the mean of the seeds, as a fraction."""
        return float(np.mean([f.metrics()[measure] for f in self._found(part, way)]))

    def _found(self, part: str, way: str) -> list[Found]:
        return [seed[part][way] for seed in self.seeds]


def long(steps: Sequence[Step], p: Settings) -> pd.DataFrame:
    """A line a step, part and way: rank1 and mAP, and of the ways that gains are of, gain, low, high, as fractions."""
    lines = []
    for at, step in enumerate(steps):
        for part, ways in step.seeds[0].items():
            for way in (w for w in SHOWN if w in ways):
                line = {"step": at, "name": step.name, "on": step.on, "part": part, "way": way}
                line |= {measure: step.value(part, way, measure) for measure in ("rank1", "mAP")}
                if step.on is not None:
                    below = steps[step.on]
                    low, high = photographs.ends(step.drawn(part, way, p) - below.drawn(part, way, p))["mAP"]
                    gain = step.value(part, way, "mAP") - below.value(part, way, "mAP")
                    line |= {"gain": gain, "low": low, "high": high}
                lines.append(line)
    return pd.DataFrame(lines)


def write(out: Path, steps: Sequence[Step], p: Settings, size: str) -> None:
    """`out` gets ladder.csv, ladder.md and ladder.html of the steps so far; `size` says what each was trained on."""
    table = long(steps, p)
    head = ["", "all, plain", "all, centred", "odd, centred", "even, centred", "gain, odd", "gain, all", "shows"]
    cells = [_cells(step.name, table[table["step"] == at]) for at, step in enumerate(steps)]
    out.mkdir(parents=True, exist_ok=True)
    with runtime.atomic_file(out / "ladder.csv") as work:
        table.to_csv(work, index=False)
    with runtime.atomic_file(out / "ladder.md") as work:
        work.write_text(markdown_table.table(head, cells, words=1) + "\n", encoding="utf-8")
    told = {"name": out.name, "size": size, "head": head, "rows": cells, "draws": p.draws}
    with runtime.atomic_file(out / "ladder.html") as work:
        work.write_text(templates.render("photographs/ladder.html", **told), encoding="utf-8")


def _cells(name: str, table: pd.DataFrame) -> list[str]:
    """A row of the table in percent; '' where a part or a way is not there."""

    lines = {(line["part"], line["way"]): line for line in table.to_dict("records")}

    def numbers(part: str, way: str = BY[0]) -> str:
        line = lines.get((part, way))
        return "" if line is None else f"{100 * line['rank1']:.1f} / {100 * line['mAP']:.1f}"

    def gain(part: str, words: Callable[[Mapping[Any, Any]], str]) -> str:
        line = lines.get((part, BY[0]), {})
        return "" if pd.isna(line.get("gain", np.nan)) else words(line)

    told = [name, numbers("all", "plain"), *map(numbers, ("all", "odd", "even"))]
    return [*told, *(gain(part, _points) for part in ("odd", "all")), gain("all", _shows)]


def _points(line: Mapping[Any, Any]) -> str:
    """A gain and its interval."""
    return "{:+.1f} [{:+.1f}, {:+.1f}]".format(*(100 * line[key] for key in ("gain", "low", "high")))


def _shows(line: Mapping[Any, Any]) -> str:
    """What the interval of a gain says."""
    return "gain" if line["low"] > 0 else "loss" if line["high"] < 0 else "no difference shown"
