"""Reads the labels that extract_attributes wrote, joined to Market-1501's images; writes predictions as a CSV.

Decisions: a split is a table of images, one row each; the order of the heads is that of `attributes.HEADS` everywhere.
Predictions are written as the 27 published fields, not as the 12 heads, so that programs for the course's files can
score them: a garment has one colour, or none if it is multicolour.
"""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from sanreid import runtime
from sanreid.data import attributes, index
from sanreid.faults import line, short

LABELS, WEIGHTS = "labels.parquet", "weights.json"
SPLITS = ("train", "val", "test")
HEADS = tuple(attributes.HEADS)


def rows(market: Path, labels: Path, split: str) -> pd.DataFrame:
    """The images in `market` of the people of `split` (train, val, test): path, pid and the 12 heads' classes.

    `labels` is the folder that extract_attributes wrote. The table is empty where the publisher's file has no such
    people (the CSV has no test people). Raises FileNotFoundError or ValueError naming the file.
    """
    file = labels / LABELS
    if not file.is_file():
        raise FileNotFoundError(f"{file}: not found; the stage extract_attributes writes it")
    table = index.read_parquet(file, "run extract_attributes again")
    if missing := sorted({"pid", "split", *HEADS} - set(table.columns)):
        raise ValueError(f"{file}: columns {missing} are missing; run extract_attributes again")
    for head in ("pid", *HEADS):
        if not pd.api.types.is_integer_dtype(table[head]) or table[head].isna().any():
            raise ValueError(f"{file}: {head} is {table[head].dtype}, not whole numbers; run extract_attributes again")
    if table["pid"].duplicated().any():
        raise ValueError(f"{file}: a person is there twice; run extract_attributes again")
    for head, classes in attributes.HEADS.items():
        if not table[head].between(0, len(classes) - 1).all():
            raise ValueError(f"{file}: {head} has values outside 0..{len(classes) - 1}; run extract_attributes again")
    if strange := sorted(set(map(str, table["split"])) - set(SPLITS)):
        raise ValueError(
            f"{file}: split {short(strange[0])} is none of {', '.join(SPLITS)}; run extract_attributes again"
        )
    people = table.loc[table["split"] == split, ["pid", *HEADS]]
    images = index.read(market)[["path", "pid"]]
    return images.merge(people, on="pid", how="inner", validate="many_to_one")


def class_weights(labels: Path) -> dict[str, list[float]]:
    """The weight of each class of each head, from the folder that extract_attributes wrote.

    Raises FileNotFoundError, or ValueError where the file's heads or classes are not those of `attributes.HEADS`.
    """
    file = labels / WEIGHTS
    if not file.is_file():
        raise FileNotFoundError(f"{file}: not found; the stage extract_attributes writes it")
    try:
        weights = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: not readable JSON ({line(error)}); run extract_attributes again") from None
    for head, classes in attributes.HEADS.items():
        given = weights.get(head) if isinstance(weights, dict) else None
        if not isinstance(given, list) or len(given) != len(classes):
            raise ValueError(f"{file}: {head} wants {len(classes)} weights, one a class; run extract_attributes again")
        if not all(type(w) in (int, float) and 0 < w < math.inf for w in given):
            raise ValueError(f"{file}: {head} has a weight that is no positive number; run extract_attributes again")
    return {head: weights[head] for head in HEADS}


def fields(classes: Mapping[str, int]) -> dict[str, int]:
    """The publisher's 27 1-based values of the 12 heads' 0-based classes: what `attributes.heads` reads back."""
    values = {"age": classes["age"] + 1} | {name: classes[name] + 1 for name in attributes.BINARY}
    for part, colors in (("up", attributes.UP_COLORS), ("down", attributes.DOWN_COLORS)):
        worn = classes[f"{part}_color"]
        values |= {part + color: 2 if i == worn else 1 for i, color in enumerate(colors, 1)}
    return {name: int(values[name]) for name in attributes.FIELDS}


def write_predictions(path: Path, names: Sequence[str], classes: np.ndarray, multicolor: bool = False) -> None:
    """A CSV of the course's format, one row an image: its name in `id`, and the 27 fields of `classes` (N, 12).

    `multicolor` adds the columns upmulticolor and downmulticolor, as one variant of the format has them.
    """
    header = ["id", *attributes.FIELDS]
    for part, first in zip(attributes.MULTICOLOR, ("upblack", "downblack"), strict=True) if multicolor else ():
        header.insert(header.index(first), part)
    with runtime.atomic_file(path) as work, work.open("w", newline="") as file:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        for name, row in zip(names, classes, strict=True):
            given = dict(zip(HEADS, row, strict=True))
            more = {p: 2 if given[h] == 0 else 1 for p, h in zip(attributes.MULTICOLOR, HEADS[-2:], strict=True)}
            writer.writerow({"id": name, **fields(given), **(more if multicolor else {})})
