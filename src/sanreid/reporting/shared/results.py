"""The numbers of a run, collected from the files that the evaluation stages wrote.

Decisions: what belongs to a run is set by its experiment (sets, variants, seeds) and not by what lies in the folders,
where an earlier experiment's numbers may still stand. The spread over seeds is the sample's standard deviation.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from sanreid import faults, runtime
from sanreid.reporting.shared.seed_statistics import OverSeeds

MEASURES = {"rank1": "rank-1", "rank5": "rank-5", "mAP": "mAP", "mINP": "mINP"}
FLOORS = {
    "random": "random features",
    "untrained": "untrained network",
    "stripes": "colour stripes",
    "stripes_centred": "colour stripes, camera-centred",
}
TEXTURE = ("l1", "l1_visible", "l1_hidden")  # of a variant's own textures: all texels, those shown, those hidden


@dataclass(frozen=True)
class Method(OverSeeds):
    """One row of the table: a variant over its seeds, or a floor (its seed is -1)."""

    name: str
    label: str
    floor: bool
    seeds: dict[int, dict[str, float]]  # seed -> measure -> fraction in [0, 1]
    cmc: dict[int, pd.DataFrame]  # seed -> columns rank, cmc
    textures: dict[int, dict[str, float]] = field(default_factory=dict)  # seed -> L1 by TEXTURE, where known

    def values(self, measure: str) -> list[float]:
        """The value of each seed."""
        return [values[measure] for values in self.seeds.values()]

    def texture(self, score: str) -> list[float]:
        """L1 of the textures that the variant itself decodes, of each seed where it is known; often empty."""
        return [scores[score] for scores in self.textures.values() if score in scores]


class Results(NamedTuple):
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


class Crossed(NamedTuple):
    """What variants that were trained on one set reach on another's test people."""

    train: str
    test: str
    variants: list[Method]


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


def collect_crossed(experiment: Experiment, tests: Sequence[str], folder: Path) -> list[Crossed]:
    """Read <folder>/<set>/<test>/<variant>/seed<k>/metrics.json of the experiment's sets, each on the other `tests`.

    What a set's models reach on itself is in `collect`. Raises as `collect` does.
    """
    pairs = [(train, test) for train in experiment.sets for test in tests if test != train]
    return [Crossed(train, test, _variants(experiment.runs(folder / train, test))) for train, test in pairs]


def read_json(path: Path) -> dict:
    """A JSON object; ValueError names a file that holds none, FileNotFoundError the stage to run."""
    try:
        return runtime.read_json(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: not found; `dvc repro` makes it") from None


def _variants(runs: dict[str, dict[int, Path]]) -> list[Method]:
    methods = []
    for variant, seeds in runs.items():
        files = {k: p / "metrics.json" for k, p in seeds.items()}
        read = {k: read_json(file) for k, file in files.items()}
        values = {k: _measures(read[k], file) for k, file in files.items()}
        textures = {k: scores for k, file in files.items() if (scores := _textures(read[k], file))}
        curves = {k: _curve(p / "cmc.csv", "cmc") for k, p in seeds.items() if (p / "cmc.csv").is_file()}
        methods.append(Method(variant, variant, False, values, curves, textures))
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
        with faults.about(curve):
            has_curve = curve.is_file() and name in pd.read_csv(curve, nrows=0).columns
        curves = {-1: _curve(curve, name)} if has_curve else {}
        methods.append(Method(name, FLOORS.get(name, name), True, {-1: _measures(values, path)}, curves))
    return methods


def _measures(values: dict, path: Path) -> dict[str, float]:
    return {name: fraction(values.get(name), name, path) for name in MEASURES}


def _textures(values: dict, path: Path) -> dict[str, float]:
    """What is known of the textures that a run's own decoder paints; empty where nothing is."""
    scores = values.get("textures") or {}
    if not isinstance(scores, dict):
        raise ValueError(f"{path}: textures = {scores!r} is no object of scores; run its evaluation again")
    known = {name: scores[name] for name in TEXTURE if scores.get(name) is not None}
    return {name: fraction(value, f"textures.{name}", path) for name, value in known.items()}


def fraction(value: object, name: str, path: Path) -> float:
    """The measure `name` of the file `path`; ValueError naming both where it is no number in [0, 1]."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not 0 <= value <= 1:
        raise ValueError(f"{path}: {name} = {value!r} is no fraction in [0, 1]; run its evaluation again")
    return float(value)


def _curve(path: Path, column: str) -> pd.DataFrame:
    with faults.about(path):
        table = pd.read_csv(path)
    if "rank" not in table or column not in table:
        raise ValueError(f"{path}: columns rank and {column} were expected, not {', '.join(table.columns)}")
    return table[["rank", column]].rename(columns={column: "cmc"})
