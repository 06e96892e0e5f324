"""A run's dozen numbers and its curves as tables, for DVC's own commands: dvc metrics, dvc plots, dvc exp show.

Decisions: one summary instead of every evaluation's metrics.json, which DVC would show as a column a number and seed,
and complain of where it was not run. Numbers are means over seeds, fractions in [0, 1]. The first set of the experiment
has no prefix, so that a table of runs fits a terminal (tools/experiments.py); of the floors the best one is kept.
Tables are long (a row a point), so that one definition in dvc.yaml draws whatever variants an experiment has.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from sanreid.reporting.run import loss_curves
from sanreid.reporting.shared.results import Experiment, Method, Results, read_json

MEASURES = ("rank1", "mAP")
DIGITS = 5
DEEPEST = 50  # rank


def metrics(measured: Sequence[Results], texture_reports: Path) -> dict[str, dict[str, float]]:
    """{variant: {rank1, mAP, texture_l1 where it decodes some}, floor: {...}, textures: {l1}}.

    A variant of a further set is set/variant.

    `textures` are the pseudo textures against the true ones, from <texture_reports>/<set>/metrics.json, where known.
    """
    found: dict[str, dict[str, float]] = {}
    for number, of in enumerate(measured):
        prefix = f"{of.set}/" if number else ""
        for method in of.variants:
            values = {measure: method.mean(measure) for measure in MEASURES}
            if own := method.texture("l1"):
                values["texture_l1"] = sum(own) / len(own)
            found[prefix + method.name] = values
        if of.floors:
            best = max(of.floors, key=lambda floor: floor.mean("mAP"))
            found[f"{prefix}floor"] = {measure: best.mean(measure) for measure in MEASURES}
        file = texture_reports / of.set / "metrics.json"
        if file.is_file() and (scores := read_json(file)).get("available"):
            found[f"{prefix}textures"] = {"l1": scores["l1"]}
    return {name: {key: round(value, DIGITS) for key, value in values.items()} for name, values in found.items()}


def cmc(measured: Sequence[Results]) -> pd.DataFrame:
    """Columns method, rank, cmc: the share of queries with a right match up to each rank, the mean over seeds."""
    rows = [
        curve.assign(method=f"{of.set}/{method.name}" if number else method.name)
        for number, of in enumerate(measured)
        for method in (*of.variants, *of.floors)
        if (curve := _mean_curve(method)) is not None
    ]
    return _whole(rows, ["method", "rank", "cmc"])


def losses(experiment: Experiment, models: Path, san_pg: Path) -> pd.DataFrame:
    """Columns method, term, epoch, loss: each epoch's mean of each term that was on, the mean over seeds.

    Raises FileNotFoundError and ValueError as `loss_curves.read` does.
    """
    rows = list(_terms("san_pg", [san_pg]))
    for number, name in enumerate(experiment.sets):
        for variant, seeds in experiment.runs(models, name).items():
            rows += _terms(f"{name}/{variant}" if number else variant, list(seeds.values()))
    return _whole(rows, ["method", "term", "epoch", "loss"])


def _whole(rows: Sequence[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def _mean_curve(method: Method) -> pd.DataFrame | None:
    if not method.cmc:
        return None
    curves = pd.concat(method.cmc.values())
    mean = curves[curves["rank"] <= DEEPEST].groupby("rank")["cmc"].mean().round(DIGITS)
    return pd.DataFrame({"rank": mean.index, "cmc": mean.tolist()})


def _terms(method: str, folders: Sequence[Path]) -> Iterator[pd.DataFrame]:
    table = pd.concat([loss_curves.read(folder / "history.csv") for folder in folders])
    for term in loss_curves.terms(table):
        each = table.groupby("epoch")[term].mean().dropna()  # what is measured at an epoch's end has empty steps
        if each.any():  # a term that is off is a row of zeros
            values = {"epoch": each.index, "loss": each.round(DIGITS).tolist()}
            yield pd.DataFrame({"method": method, "term": term, **values})
