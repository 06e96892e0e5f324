"""How many images a stage went through, from what it wrote.

Decisions: a training's speed is an epoch's images over the seconds of an epoch after the first; of the other stages it
is all their images over all their seconds, the start of Python and torch included, which is what one waits for. What
has no number of images has no speed.
"""

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from sanreid.data import index
from sanreid.faults import about

BATCH = {"train_san": ("people", "images"), "train_san_pg": ("batch",)}  # keys of the section whose product it is
TESTED = ("query", "gallery")


def batch(stage: str, values: dict[str, Any]) -> int | None:
    """Images a step of a training, by its section of the parameters; None for another stage."""
    keys = BATCH.get(stage)
    if keys is None:
        return None
    return math.prod(int(values[stage][key]) for key in keys)


def steps(history: Path) -> int:
    """Steps of the first epoch of a history.csv; 0 where it holds no epoch. Raises ValueError naming a damaged file."""
    with about(history), history.open(encoding="utf-8", newline="") as file:
        epochs = [row["epoch"] for row in csv.DictReader(file)]
    return epochs.count(epochs[0]) if epochs else 0


def images(stage: str, outs: Iterable[Path], deps: Iterable[Path], readers: Iterable[Path]) -> int | None:
    """The images of a stage's tables; None where it has none.

    `outs` and `deps` are what it writes and reads, `readers` what those write that read from it: a renderer's images
    are those that its reader found.
    """
    for folder in outs:
        if (folder / index.NAME).is_file():
            return rows(folder)
    if stage == "synthesize":
        return max((rows(f) for f in readers if (f / index.NAME).is_file()), default=None)
    if stage == "generate_textures" or stage.startswith("evaluate_"):
        for folder in deps:
            if (folder / index.NAME).is_file():
                return rows(folder) if stage in ("generate_textures", "evaluate_textures") else tested(folder)
    return None


def rows(folder: Path) -> int:
    """Rows of a folder's table."""
    return len(_splits(folder))


def tested(folder: Path) -> int | None:
    """Images of the splits that an evaluation looks at; None where there are none."""
    return int(_splits(folder).isin(TESTED).sum()) or None


def _splits(folder: Path) -> pd.Series:
    return pd.read_parquet(folder / index.NAME, columns=["split"])["split"]
