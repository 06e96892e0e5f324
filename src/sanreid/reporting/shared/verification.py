"""Whether two pictures show one person, on a page: each network's ROC, and the thresholds that follow from it.

Decisions: read from verification.json and roc.csv, as evaluations leave them (`calibration.write`). False accepts lie
on a log axis: who takes a threshold lives at its left end. The table names the curves by their colours; a network that
was evaluated before there were such files is said to lack them, never drawn as 0.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from sanreid import faults, runtime
from sanreid.evaluation import calibration
from sanreid.evaluation.calibration import Calibration
from sanreid.reporting.shared import seed_statistics
from sanreid.reporting.shared.line_chart import Line, chart
from sanreid.reporting.shared.number_format import spread

RATE = "0.001"  # of false accepts, at which networks are compared
COLOURS = 8  # of page.css
Roc = pd.DataFrame  # threshold, fpr, tpr


class Row(NamedTuple):
    """A network over its seeds: its colour on the page and its cells."""

    label: str
    kind: str
    cells: list[str]


class Section(NamedTuple):
    """What the macro `verification` of parts.html shows: an SVG chart, its rows, and whose numbers are not there."""

    chart: str
    rows: list[Row]
    notes: list[str]


def section(networks: Mapping[str, Sequence[Path]], floors: Sequence[str] = ()) -> Section | None:
    """Of label -> evaluations, a folder a seed; those of `floors` are grey. None where no network has any numbers.

    Raises ValueError naming a file that is damaged.
    """
    lines, rows, notes = [], [], []
    kinds = {label: f"m{i % COLOURS}" for i, label in enumerate(n for n in networks if n not in floors)}
    for label, folders in networks.items():
        kind = kinds.get(label, "f")
        told = [(read(folder), folder) for folder in folders if (folder / calibration.MEASURED).is_file()]
        known = [(found, folder) for found, folder in told if isinstance(found, Calibration)]
        if not known:
            reasons = [found for found, _ in told if isinstance(found, str)]
            notes.append(f"{label}: {reasons[0] if reasons else 'was evaluated before this was measured'}.")
            continue
        rows.append(Row(label, kind, cells([found for found, _ in known])))
        for i, (_, folder) in enumerate(known):
            curve = roc(folder / "roc.csv")
            tip = label if len(known) == 1 else f"{label}, evaluation {i + 1} of {len(known)}"
            seed = kind if kind == "f" or len(known) == 1 else f"{kind} seed"
            lines.append(Line(curve["fpr"].tolist(), (100 * curve["tpr"]).tolist(), seed, tip=tip))
    if not rows:
        return None
    axes = {"x_label": "false accepts, share of pairs of two people (FPR)", "y_label": "true accepts, % of true pairs"}
    drawn = chart(lines, "ROC", y_range=(0, 100), size=(620, 340), log=True, **axes)
    return Section(drawn, rows, notes)


def read(folder: Path) -> Calibration | str:
    """What was measured of an evaluation's network, or why nothing could be."""
    file = folder / calibration.MEASURED
    missing = runtime.read_json(file).get("missing")
    return missing if isinstance(missing, str) else calibration.read(file)


def roc(file: Path) -> Roc:
    """The curve where some impostor pair is accepted: a log axis has no 0."""
    with faults.about(file):
        table = pd.read_csv(file)
        return table[table["fpr"] > 0].sort_values("fpr")


def cells(seeds: Sequence[Calibration]) -> list[str]:
    """The columns of parts.html in words; where there are too few pairs of two people to tell a rate of 1e-3, that."""
    strict = [found for seed in seeds if (found := seed.thresholds.get(RATE)) is not None]
    few = f"too few pairs ({max(seed.impostor for seed in seeds):,})"
    return [
        spread([found.tpr for found in strict]) if strict else few,
        spread([seed.equal_error_rate for seed in seeds]),
        f"{seed_statistics.mean([found.similarity for found in strict]):.3f}" if strict else "",
        f"{seed_statistics.mean([seed.equal_error_similarity for seed in seeds]):.3f}",
        str(seeds[0].people),
    ]
