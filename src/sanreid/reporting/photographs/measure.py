"""One measurement of photographs: any trained network of the project, or a floor, and the sheets of its ranked lists.

Decisions: a model folder says itself what it holds, so the networks of SAN and of the other systems are read by the
readers of their own evaluations, with the architecture that they record and not the one that params.yaml has now.
Floors are measured as networks are; why a query fails, and where the feature looks, is told of networks alone.
metrics.json is led by the plain ranking of everybody and notes what it was measured of, so that a page can leave out
what is no longer so.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from sanreid import runtime
from sanreid.data import images as pictures
from sanreid.data import tensors
from sanreid.evaluation import calibration, features, imagenet, photographs, trivial_baselines
from sanreid.evaluation.photographs import Found, Settings
from sanreid.evaluation.ranking import Ranking
from sanreid.reporting.shared import notices, ranked_lists, retrieval_files
from sanreid.training import checkpoint, networks

FLOORS = "floors"
SHEETS = {"plain": "ranked.jpg", "centred": "ranked_centred.jpg"}
Extracted = tuple[NDArray[np.float32], dict[str, Any]]  # features (N, D) and what metrics.json says of them


def of_model(model: Path, folder: Path, rows: pd.DataFrame, batch: int, flip_average: bool) -> Extracted:
    """The features of the pictures of `rows` in `folder` by the network of the model folder `model`."""
    net, size, _ = networks.load_any(model)
    decoded = tensors.decode(folder, rows["path"].tolist(), size)
    runtime.prepare(seed=0)
    values = features.extract(net, decoded, batch, flip_average)
    told = {"model": model.as_posix(), "weights": digest(model / checkpoint.WEIGHTS), "flip_average": flip_average}
    return values, told | {"warnings": notices.of_model(model)}


def floors(
    folder: Path,
    rows: pd.DataFrame,
    stripes: trivial_baselines.Stripes,
    width: int,
    seed: int,
    batch: int,
    weights: Path,
) -> Iterator[tuple[str, Callable[[], Extracted]]]:
    """The name of each floor, and what takes its features: random ones (`width`), colour stripes, ImageNet's.

    ImageNet's are left out where the file `weights` is not there.
    """

    @cache
    def decoded() -> Tensor:
        return tensors.decode(folder, rows["path"].tolist(), imagenet.SIZE)

    def of_imagenet() -> Extracted:
        net = imagenet.mobilenet(weights)
        values = features.extract(net, decoded(), batch, flip_average=True, read=lambda pooled: pooled)
        return values, {"weights": digest(weights), "flip_average": True}

    yield "random", lambda: (trivial_baselines.random_features(len(rows), width, seed), {})
    yield "stripes", lambda: (trivial_baselines.colour_stripes(decoded(), stripes), {})
    if weights.is_file():
        yield "imagenet", of_imagenet
    else:
        runtime.log.warning("%s: not there, so the floor of ImageNet's features is left out", weights)


def write(
    values: Extracted, folder: Path, rows: pd.DataFrame, out: Path, p: Settings, lists: ranked_lists.Lists
) -> str:
    """`out` gets metrics.json, verification.json, roc.csv (`calibration.write`), a sheet of ranked lists for each of
    SHEETS that the set allows; of a network's plain ranking also the worst queries and where its feature looks
    (`retrieval_files.write_reasons`).

    Returns a line of what was found. Raises ValueError where a feature is not finite or nobody could be found.
    """
    found = parts(values[0], rows, p)
    if "all" not in found:
        raise ValueError(f"{folder}: no query's person is in the gallery under another camera: nobody could be found")
    metrics: dict[str, Any] = {
        **found["all"]["plain"].ranking.metrics(),
        "people": int(rows.loc[rows["split"] == "query", "pid"].nunique()),
        "cameras": len(np.unique(trivial_baselines.cameras(rows))) if rows["camid"].notna().all() else None,
        "pictures": identity(folder, rows),
        "settings": asdict(p),
        "parts": {name: {way: f.metrics() for way, f in ways.items()} for name, ways in found.items()},
    }
    with runtime.atomic_folder(out) as work:
        runtime.write_json(work / "metrics.json", metrics | values[1])
        calibration.write(work, values[0], rows)
        for way, name in SHEETS.items():
            if shown := found["all"].get(way):
                chosen = ranked_lists.spread(shown.ranking.average_precision, lists.queries)
                ids = shown.query, shown.gallery, shown.ranking
                sheet = ranked_lists.draw(folder, rows, *ids, "cosine", lists, chosen)
                pictures.write_rgb(work / name, sheet)
        if "model" in values[1]:
            plain, (net, size, _) = found["all"]["plain"], networks.load_any(Path(values[1]["model"]))
            given = folder, rows, plain.query, plain.gallery, plain.ranking, "cosine", lists, net
            chosen = ranked_lists.spread(plain.ranking.average_precision, lists.queries)
            read = partial(tensors.decode, folder, size=size, threads=1)
            retrieval_files.write_reasons(work, *given, lambda path: read([path]), chosen)
    told = [f"{way.replace('_', ' and ')} {percent(f.ranking)}" for way, f in found["all"].items()]
    return f"rank-1 / mAP {', '.join(told)} %"


def percent(result: Ranking) -> str:
    """Rank-1 and mAP in percent."""
    return f"{100 * result.rank(1):.1f} / {100 * result.mean_average_precision:.1f}"


def identity(folder: Path, rows: pd.DataFrame) -> str:
    """What tells a set of photographs from another: its table, and its files' sizes."""
    kept = rows[["path", "pid", "camid", "split"]].assign(
        size=[(folder / path).stat().st_size for path in rows["path"]]
    )
    return hashlib.sha256(kept.to_csv(index=False).encode()).hexdigest()[:20]


def parts(values: NDArray[np.float32], rows: pd.DataFrame, p: Settings) -> dict[str, dict[str, Found]]:
    """What features (N, D) of `rows` reach, by part and by way."""
    return {
        name: dict(photographs.ways(values[mask], rows[mask].reset_index(drop=True), p))
        for name, mask in photographs.judged(rows)
    }


def digest(file: Path) -> str:
    """What tells the file's content from another's."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:20]
