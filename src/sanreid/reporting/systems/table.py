"""The table that compares the re-ID systems: what was measured here, the main chain's variants, what was published.

Decisions: what belongs to it is told by the sections `systems` and `experiment` and not by what lies in the folders,
where an earlier run's numbers may still stand. The main chain's variants stand beside the systems on the sets that they
were measured on; they tell no price. Published numbers are of the real data, are marked, and are never averaged or
ranked with what is measured here. A cell that nobody knows is empty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from sanreid import faults, runtime
from sanreid.bounds import Name, Percent, Text
from sanreid.graph_params import Experiment as Experiment
from sanreid.graph_params import Systems as Systems
from sanreid.reporting.shared import markdown_table, seed_statistics
from sanreid.reporting.shared.number_format import spread
from sanreid.reporting.shared.results import fraction

MEASURES = {
    "rank1": "rank-1",
    "rank5": "rank-5",
    "rank10": "rank-10",
    "mAP": "mAP",
    "mINP": "mINP",
    "reranked_mAP": "mAP, re-ranked",
}
PRICES = {"parameters": "parameters", "training_seconds": "training", "images_per_second": "images/s"}
DISTANCES = {"rank1": "rank-1", "mAP": "mAP", "reranked rank1": "rank-1, re-ranked", "reranked mAP": "mAP, re-ranked"}
MANY = 120  # seconds; longer times are told in minutes
Kind = Literal["here", "main chain", "published"]
Published = dict[Name, dict[Text, tuple[Percent | None, Percent | None]]]  # set -> label -> rank-1 and mAP in percent


@dataclass(frozen=True)
class Row:
    """A system on a set: its values by measure, a seed each (as measured: fractions, seconds, counts)."""

    set: str
    name: str
    label: str
    kind: Kind
    by_measure: Mapping[str, Sequence[float]]
    folders: Sequence[Path] = ()  # of its evaluations, a seed each

    def mean(self, measure: str) -> float | None:
        """The mean over the seeds; None where it is not known."""
        values = self.by_measure.get(measure)
        return seed_statistics.mean(values) if values else None

    def deviation(self, measure: str) -> float | None:
        """The standard deviation over the seeds; None below two of them."""
        values = self.by_measure.get(measure)
        return seed_statistics.deviation(values) if values else None


def collect(
    systems: Systems, experiment: Experiment, measured: Path, main_chain: Path, labels: Mapping[str, str]
) -> list[Row]:
    """A row a set and system, from <measured>/<name>/<set>/seed<k>/metrics.json; then the main chain's variants.

    `main_chain` holds <set>/<variant>/seed<k>/metrics.json; what is not there is left out. Raises FileNotFoundError
    naming a system's run that was not evaluated.
    """
    rows = []
    for name in systems.sets:
        for system in systems.names:
            folders = [measured / system / name / f"seed{k}" for k in systems.seeds]
            rows.append(_row(name, system, labels, "here", folders))
        for variant in experiment.variants if name in experiment.sets else []:
            folders = [main_chain / name / variant / f"seed{k}" for k in experiment.seeds]
            if there := [folder for folder in folders if (folder / "metrics.json").is_file()]:
                rows.append(_row(name, variant, labels, "main chain", there))
    return rows


def _row(name: str, system: str, labels: Mapping[str, str], kind: Kind, folders: Sequence[Path]) -> Row:
    runs = [_values(folder) for folder in folders]
    values = {m: [run[m] for run in runs if m in run] for m in (*MEASURES, *PRICES) if any(m in run for run in runs)}
    return Row(name, system, labels.get(system, system), kind, values, folders)


def published(numbers: Published, sets: Sequence[str]) -> list[Row]:
    """Rows of the numbers that papers and reports give for these sets."""
    rows = []
    for name in sets:
        for label, pair in numbers.get(name, {}).items():
            known = {m: [v / 100] for m, v in zip(("rank1", "mAP"), pair, strict=True) if v is not None}
            rows.append(Row(name, "", label, "published", known))
    return rows


def by_distance(folders: Sequence[Path]) -> list[list[str]]:
    """Of a system's runs, a line each distance: its name, then DISTANCES in percent, means over the runs.

    Empty where the runs have one distance alone.
    """
    runs = [runtime.read_json(folder / "metrics.json").get("by_distance", {}) for folder in folders]
    lines = []
    for name in runs[0]:
        flat = [run[name] | {f"reranked {k}": v for k, v in (run[name]["reranked"] or {}).items()} for run in runs]
        known = [[values[m] for values in flat if m in values] for m in DISTANCES]
        lines.append([name, *(f"{100 * seed_statistics.mean(values):.1f}" if values else "" for values in known)])
    return lines


def frame(rows: Sequence[Row]) -> pd.DataFrame:
    """The table with all digits, a row each: fractions, seconds; `<measure>_sd` where there are seeds to tell it."""
    made = pd.DataFrame(
        {"set": row.set, "name": row.name, "label": row.label, "kind": row.kind}
        | {"seeds": None if row.kind == "published" else max(map(len, row.by_measure.values()), default=0)}
        | {f"{m}{end}": of(m) for m in (*MEASURES, *PRICES) for end, of in (("", row.mean), ("_sd", row.deviation))}
        for row in rows
    )
    known = len(made) and made["seeds"].notna().any()
    return made.dropna(axis=1, how="all").astype({"seeds": "Int64"} if known else {})


def cells(row: Row) -> list[str]:
    """The row's cells in words, MEASURES in percent and then PRICES; '' where nothing is known."""
    return [spread(row.by_measure.get(m, ())) for m in MEASURES] + [_price(row, m) for m in PRICES]


def markdown(rows: Sequence[Row]) -> str:
    """A table a set; the best mAP of those measured here is bold, published rows are set apart."""
    parts = []
    for name in dict.fromkeys(row.set for row in rows):
        own = [row for row in rows if row.set == name]
        best, lines = champion(own), []
        for row in own:
            label = f"*{row.label} (published, real data)*" if row.kind == "published" else row.label
            lines.append([f"**{label}**" if row is best else label, *cells(row)])
        parts += [f"**{name}**", markdown_table.table(["", *MEASURES.values(), *PRICES.values()], lines)]
    return "\n\n".join(parts) + "\n"


def champion(rows: Sequence[Row]) -> Row | None:
    """The row with the best mAP among those measured here."""
    measured: list[tuple[float, Row]] = [
        (value, row) for row in rows if row.kind != "published" and (value := row.mean("mAP")) is not None
    ]
    return max(measured, key=lambda pair: pair[0])[1] if measured else None


def _values(folder: Path) -> dict[str, float]:
    """The measures in a run's metrics.json; the re-ranked mAP lies one level down."""
    file = folder / "metrics.json"
    if not file.is_file():
        raise FileNotFoundError(
            f"{file}: not found; `dvc repro compare_systems` evaluates what section `systems` names"
        )
    metrics = runtime.read_json(file)
    metrics["reranked_mAP"] = (metrics.get("reranked") or {}).get("mAP")
    for measure in ("rank1", "mAP"):
        fraction(metrics.get(measure), measure, file)
    with faults.about(file):
        return {m: float(metrics[m]) for m in (*MEASURES, *PRICES) if metrics.get(m) is not None}


def _price(row: Row, measure: str) -> str:
    value = row.mean(measure)
    if value is None:
        return ""
    if measure == "parameters":
        return f"{value / 1e6:.1f} M"
    if measure == "training_seconds":
        return f"{value:.0f} s" if value < MANY else f"{value / 60:.0f} min"
    return f"{value:.0f}"
