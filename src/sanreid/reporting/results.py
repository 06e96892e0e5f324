"""The numbers of a run, collected from the files that the evaluation stages wrote.

Decisions: what belongs to a run is told by its experiment (sets, variants, seeds) and not by what lies in the folders,
where an earlier experiment's numbers may still stand. The spread over seeds is half the range, since two seeds have no
deviation worth the name.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

MEASURES = {"rank1": "rank-1", "rank5": "rank-5", "mAP": "mAP", "mINP": "mINP"}
FLOORS = {
    "random": "random features",
    "untrained": "untrained network",
    "stripes": "colour stripes",
    "stripes_centred": "colour stripes, camera-centred",
}


@dataclass(frozen=True)
class Method:
    """One row of the table: a variant over its seeds, or a floor (its seed is -1)."""

    name: str
    label: str
    floor: bool
    seeds: dict[int, dict[str, float]]  # seed -> measure -> fraction in [0, 1]
    cmc: dict[int, pd.DataFrame]  # seed -> columns rank, cmc

    def mean(self, measure: str) -> float:
        """The mean over seeds."""
        return sum(values[measure] for values in self.seeds.values()) / len(self.seeds)

    def spread(self, measure: str) -> float | None:
        """Half the range over seeds; None where there is only one."""
        if len(self.seeds) < 2:
            return None
        values = [v[measure] for v in self.seeds.values()]
        return (max(values) - min(values)) / 2


@dataclass(frozen=True)
class Results:
    """What was measured on one re-ID set: the variants, then the floors, each in the order of the table."""

    set: str
    variants: list[Method]
    floors: list[Method]

    def best(self, measure: str = "rank1") -> Method | None:
        """The variant with the highest mean; None before any was evaluated."""
        return max(self.variants, key=lambda m: m.mean(measure), default=None)

    def method(self, name: str) -> Method | None:
        """A variant or floor by its name."""
        return next((m for m in (*self.variants, *self.floors) if m.name == name), None)


@dataclass(frozen=True)
class Experiment:
    """Which runs belong together: section `experiment` of params.yaml; the order is the tables' order."""

    sets: list[str]
    variants: list[str]
    seeds: list[int]

    def runs(self, tree: Path, name: str) -> dict[str, dict[int, Path]]:
        """variant -> seed -> the folder <tree>/<name>/<variant>/seed<k>, whether it is there or not."""
        return {v: {k: tree / name / v / f"seed{k}" for k in self.seeds} for v in self.variants}


def collect(experiment: Experiment, evaluations: Path, floors: Path) -> list[Results]:
    """Read <evaluations>/<set>/<variant>/seed<k>/{metrics.json, cmc.csv} and <floors>/<set>/ of the experiment's runs.

    What else lies there (of an earlier experiment) is left alone. Raises FileNotFoundError naming a run that was not
    evaluated, ValueError naming the file and the measure that is missing, or not a fraction.
    """
    return [
        Results(name, _variants(experiment.runs(evaluations, name)), _floors(floors / name)) for name in experiment.sets
    ]


def read_json(path: Path) -> dict:
    """A JSON object; ValueError names a file that holds none, FileNotFoundError the stage to run."""
    try:
        values = json.loads(path.read_text())
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: not found; `dvc repro` makes it") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not JSON ({error}); remove it and run `dvc repro`") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path}: a JSON object was expected; remove it and run `dvc repro`")
    return values


def _variants(runs: dict[str, dict[int, Path]]) -> list[Method]:
    methods = []
    for variant, seeds in runs.items():
        values = {k: _measures(read_json(p / "metrics.json"), p / "metrics.json") for k, p in seeds.items()}
        curves = {k: _curve(p / "cmc.csv", "cmc") for k, p in seeds.items() if (p / "cmc.csv").is_file()}
        methods.append(Method(variant, variant, False, values, curves))
    return methods


def _floors(folder: Path) -> list[Method]:
    path = folder / "metrics.json"
    if not path.is_file():
        return []
    methods = []
    for name, values in read_json(path).items():
        if not isinstance(values, dict) or "rank1" not in values:
            continue  # what a stage adds about itself
        curve = folder / "cmc.csv"
        has_curve = curve.is_file() and name in pd.read_csv(curve, nrows=0).columns
        curves = {-1: _curve(curve, name)} if has_curve else {}
        methods.append(Method(name, FLOORS.get(name, name), True, {-1: _measures(values, path)}, curves))
    return methods


def _measures(values: dict, path: Path) -> dict[str, float]:
    for name in MEASURES:
        value = values.get(name)
        good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not good or not 0 <= value <= 1:
            raise ValueError(f"{path}: {name} = {value!r} is no fraction in [0, 1]; run its evaluation again")
    return {name: float(values[name]) for name in MEASURES}


def _curve(path: Path, column: str) -> pd.DataFrame:
    table = pd.read_csv(path)
    if "rank" not in table or column not in table:
        raise ValueError(f"{path}: columns rank and {column} were expected, not {', '.join(table.columns)}")
    return table[["rank", column]].rename(columns={column: "cmc"})


@dataclass(frozen=True)
class Comparison:
    """A method minus its control, seed by seed, in points (percent)."""

    method: str
    control: str
    differences: dict[str, dict[int, float]]  # measure -> seed -> points
    noise: dict[str, float]  # measure -> the larger range over seeds of the two, in points

    def verdict(self, measure: str) -> str:
        """'above' or 'below' where the mean difference exceeds the noise and every seed agrees, else 'within'."""
        values = list(self.differences[measure].values())
        mean = sum(values) / len(values)
        if len(values) < 2 or abs(mean) <= self.noise[measure] or min(values) * max(values) <= 0:
            return "within"
        return "above" if mean > 0 else "below"


def compare(results: Results, method: str, control: str) -> Comparison | None:
    """Differences on the seeds that both have; None where either is missing or they share no seed."""
    a, b = results.method(method), results.method(control)
    if a is None or b is None or not (shared := [k for k in a.seeds if k in b.seeds]):
        return None
    differences = {m: {k: 100 * (a.seeds[k][m] - b.seeds[k][m]) for k in shared} for m in MEASURES}
    noise = {m: 200 * max(a.spread(m) or 0.0, b.spread(m) or 0.0) for m in MEASURES}
    return Comparison(method, control, differences, noise)
