"""The queries that a model answers worst, and what may have made them hard.

Decisions: worst is by average precision, of those that are counted; equal ones in the table's order. What a picture
looks like (`look`) is measured on it. How much of the body it shows is known of rendered people alone: the share of the
texture's texels that are seen (truth/visibility), which a turn, an occluder and a cut box all lower; elsewhere it is
unknown, and nothing is guessed. likely_causes.py compares each query with all of them and says the likely why, for
photographs as for rendered people. Evaluations write all that, and pages show what they find, folded.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from sanreid import runtime
from sanreid.data.images import read_grey, read_rgb
from sanreid.evaluation.ranking import DISTRACTOR, Embeddings, Ranking
from sanreid.reporting.shared import likely_causes
from sanreid.reporting.shared.pictures import Picture, embed, load

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
SHARP_AT = 128  # px: sharpness is of larger pictures at this height, near what networks see of them
Orders = list[NDArray[np.int64]]  # of `ranking.nearest`: each query's first answers, by their number in the gallery


def worst(average_precision: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """The numbers of the `count` counted queries of lowest average precision, worst first."""
    counted = np.flatnonzero(~np.isnan(average_precision))
    return counted[np.argsort(average_precision[counted], kind="stable")][:count]


def describe(
    folder: Path,
    rows: pd.DataFrame,
    query: Embeddings,
    gallery: Embeddings,
    result: Ranking,
    orders: Orders,
    count: int,
) -> dict[str, Any]:
    """For failures.json: the medians of all counted queries, the worst `count` with their facts and likely why, and
    which causes are more frequent among the worst.

    `rows` are the index's query and gallery rows, whose paths are relative to `folder`. Shares are in [0, 1], None
    where they are not known.
    """
    counted = np.flatnonzero(~np.isnan(result.average_precision))
    known, precision = facts(folder, rows, query, gallery, orders).iloc[counted], result.average_precision[counted]
    reasons = dict(zip(counted.tolist(), likely_causes.sentences(known, precision), strict=True))
    told = [
        {
            **_plain(known.loc[q]),
            "pid": int(query.pids[q]),
            "average_precision": round(float(result.average_precision[q]), 6),
            "first_match": int(result.first_match[q]),
            "why": reasons[q],
        }
        for q in worst(result.average_precision, count).tolist()
    ]
    medians = _plain(known[list(likely_causes.FACTS)].median())
    return {"median": medians, "summary": likely_causes.summary(known, precision), "queries": told}


def facts(folder: Path, rows: pd.DataFrame, query: Embeddings, gallery: Embeddings, orders: Orders) -> pd.DataFrame:
    """A row a query: path, camid, those of `look`, and, NaN where it is not known:

    visible, the share of the body seen; light, how far its brightness is from its right answers' mean; of its first
    answers the shares own_camera (other people in its own camera) and lookalike (the wrong person most of them show,
    whom `who` names).
    """
    paths = {split: rows.loc[rows["split"] == split, "path"].to_list() for split in ("query", "gallery")}
    asked = set(query.pids.tolist())
    given = zip(paths["gallery"], gallery.pids, strict=True)
    light = np.array([brightness(folder / path) if pid in asked else np.nan for path, pid in given])
    lines = []
    for q, (path, pid, order) in enumerate(zip(paths["query"], query.pids, orders, strict=True)):
        line: dict[str, Any] = {"path": path, "camid": np.nan, **look(folder / path), "own_camera": np.nan}
        right, wrong = gallery.pids == pid, gallery.pids[order] != pid
        if query.camids is not None and gallery.camids is not None:
            line["camid"] = int(query.camids[q])
            line["own_camera"] = (wrong & (gallery.camids[order] == line["camid"])).mean() if len(order) else np.nan
            right &= gallery.camids != line["camid"]
        people, times = np.unique([k for k in gallery.pids[order][wrong] if k != DISTRACTOR], return_counts=True)
        line["lookalike"] = times.max() / len(order) if len(people) else 0.0
        line["who"] = f"person {people[times.argmax()]}" if len(people) else ""
        line["light"] = abs(line["brightness"] - light[right].mean()) if right.any() else np.nan
        line["visible"] = visible(folder / "truth", path)
        lines.append(line)
    return pd.DataFrame(lines).astype({"visible": float, "camid": float})


def _plain(line: pd.Series) -> dict[str, Any]:
    """A row of `facts` as JSON holds it: four digits, None for what is not known, a camera as a whole number."""
    told = {key: round(v, 4) if isinstance(v, float) else v for key, v in line.to_dict().items()}
    told = {key: None if pd.isna(value) else value for key, value in told.items()}
    return told | ({"camid": told["camid"] and int(told["camid"])} if "camid" in told else {})


def table(
    name: str, rows: pd.DataFrame, query: Embeddings, gallery: Embeddings, result: Ranking, orders: Orders
) -> pd.DataFrame:
    """For queries.csv: each counted query of the set `name` with its average precision and rank of the first match.

    `nearest` holds its first answers, "path|person" with blanks between.
    """
    paths = {split: rows.loc[rows["split"] == split, "path"].to_list() for split in ("query", "gallery")}
    found = {"set": name, "path": paths["query"], "pid": query.pids}
    found |= {"average_precision": result.average_precision, "first_match": result.first_match}
    answers = [f"{path.replace(' ', '%20')}|{pid}" for path, pid in zip(paths["gallery"], gallery.pids, strict=True)]
    lists = [" ".join(answers[g] for g in order) for order in orders]
    return pd.DataFrame({**found, "nearest": lists}).dropna(subset="average_precision")


def brightness(file: Path) -> float:
    """The mean luma of a picture, from 0 (black) to 1."""
    return round(float((read_rgb(file).mean((0, 1)) @ np.asarray(LUMA)) / 255), 4)


def look(file: Path) -> dict[str, float]:
    """What a picture looks like: brightness; contrast, the deviation of its luma; sharpness, that of the luma's
    Laplacian over the luma's own; height in px.
    """
    picture = read_rgb(file)
    height, width = picture.shape[:2]
    luma = picture @ np.asarray(LUMA, np.float32) / 255
    small = Image.fromarray(luma)
    if height > SHARP_AT:
        small = small.resize((max(1, round(width * SHARP_AT / height)), SHARP_AT), Image.Resampling.BOX)
    v = np.pad(np.asarray(small, np.float32), 1, mode="edge")
    laplacian = 4 * v[1:-1, 1:-1] - v[:-2, 1:-1] - v[2:, 1:-1] - v[1:-1, :-2] - v[1:-1, 2:]
    spread = float(v.std())
    told = {"brightness": float(luma.mean()), "contrast": float(luma.std())}
    told |= {"sharpness": float(laplacian.std()) / spread if spread > 1e-4 else 0.0, "height": float(height)}
    return {name: round(value, 4) for name, value in told.items()}


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
