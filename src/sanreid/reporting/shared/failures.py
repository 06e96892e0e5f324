"""The queries that a model answers worst, and what may have made them hard.

Decisions: worst is by average precision, of those that are counted; equal ones in the table's order. Darkness is
measured on the picture. How much of the body a picture shows is known of rendered people alone: the share of the
texture's texels that are seen (truth/visibility), which a turn, an occluder and a cut box all lower; elsewhere it is
unknown, and nothing is guessed. Each stands beside the median of all queries: a cause is the reader's to conclude.
Evaluations write them (retrieval_files.py), and pages show what they find, folded.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanreid import runtime
from sanreid.data.images import read_grey, read_rgb
from sanreid.evaluation.distances import Metric
from sanreid.evaluation.ranking import Embeddings, Ranking, nearest
from sanreid.reporting.shared.pictures import Picture, embed, load

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def worst(average_precision: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """The numbers of the `count` counted queries of lowest average precision, worst first."""
    counted = np.flatnonzero(~np.isnan(average_precision))
    return counted[np.argsort(average_precision[counted], kind="stable")][:count]


def describe(folder: Path, rows: pd.DataFrame, query: Embeddings, result: Ranking, count: int) -> dict[str, Any]:
    """For failures.json: the medians of all queries, and the worst `count` with what is known of each.

    `rows` are the index's query and gallery rows, whose paths are relative to `folder`. Shares are in [0, 1], None
    where they are not known.
    """
    paths = rows.loc[rows["split"] == "query", "path"].to_list()
    light = [brightness(folder / path) for path in paths]
    seen = [visible(folder / "truth", path) for path in paths]
    known = [share for share in seen if share is not None]
    told = [
        {
            "path": paths[q],
            "pid": int(query.pids[q]),
            "camid": None if query.camids is None else int(query.camids[q]),
            "average_precision": round(float(result.average_precision[q]), 6),
            "first_match": int(result.first_match[q]),
            "brightness": light[q],
            "visible": seen[q],
        }
        for q in worst(result.average_precision, count)
    ]
    medians = {"brightness": float(np.median(light)), "visible": float(np.median(known)) if known else None}
    return {"median": medians, "queries": told}


def table(
    name: str, rows: pd.DataFrame, query: Embeddings, gallery: Embeddings, result: Ranking, metric: Metric, top: int
) -> pd.DataFrame:
    """For queries.csv: each counted query of the set `name` with its average precision and rank of the first match.

    `nearest` holds its first `top` answers, "path|person" with blanks between.
    """
    paths = {split: rows.loc[rows["split"] == split, "path"].to_list() for split in ("query", "gallery")}
    found = {"set": name, "path": paths["query"], "pid": query.pids}
    found |= {"average_precision": result.average_precision, "first_match": result.first_match}
    answers = [f"{path.replace(' ', '%20')}|{pid}" for path, pid in zip(paths["gallery"], gallery.pids, strict=True)]
    lists = [" ".join(answers[g] for g in order) for order in nearest(query, gallery, metric, top)]
    return pd.DataFrame({**found, "nearest": lists}).dropna(subset="average_precision")


def brightness(file: Path) -> float:
    """The mean luma of a picture, from 0 (black) to 1."""
    return round(float((read_rgb(file).mean((0, 1)) @ np.asarray(LUMA)) / 255), 4)


def visible(truth: Path, path: str) -> float | None:
    """The share of the body's texels that the picture shows; None where the set does not know."""
    mask, coverage = truth / "visibility" / f"{Path(path).stem}.png", truth / "coverage.png"
    if not mask.is_file() or not coverage.is_file():
        return None
    there, seen = read_grey(coverage) > 127, read_grey(mask) > 127
    if there.shape != seen.shape or not there.any():
        return None
    return round(float((there & seen).sum() / there.sum()), 4)


class Shown(NamedTuple):
    """What the macro `failures` of parts.html shows of one evaluation; what it did not write is None or empty."""

    looks: Picture | None  # the ranked lists again: where the feature looks
    worst: Picture | None
    told: dict[str, Any] | None  # as of `describe`


def shown(folder: Path, width: int, quality: int) -> Shown:
    """From looks.jpg, failures.jpg and failures.json of an evaluation's folder; pictures at most `width` px wide."""
    looks, worst = (
        embed(load(folder / name), width=width, quality=quality) if (folder / name).is_file() else None
        for name in ("looks.jpg", "failures.jpg")
    )
    file = folder / "failures.json"
    return Shown(looks, worst, runtime.read_json(file) if file.is_file() else None)
