"""`sanreid evaluate`: CMC and mAP of a network on labelled pictures, without the graph."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sanreid.cli import given
from sanreid.cli.bar import bar

MAX_RANK = 50  # of the CMC curve, as evaluate_san.max_rank
SHOWN = ("rank1", "rank5", "rank10", "mAP", "mINP")


def evaluate(
    folder: Annotated[
        Path, typer.Argument(help="Holds index.csv (path, pid, camid, split) and its pictures; or Market-1501.")
    ],
    model: given.ModelFolder = None,
    rerank: Annotated[bool, typer.Option("--rerank", help="Measure re-ranked distances too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the whole CMC curve.")] = False,
    device: given.Device = "auto",
    batch: given.Batch = 64,
) -> None:
    """Measure a network on an own folder with index.csv: CMC and mAP.

    Each row of `index.csv` is a picture: its `path`, who it shows (`pid`), the camera (`camid`, may be left out), and
    `split`: query or gallery (train is left out). Features are compared by the cosine; a gallery picture of the
    query's own person and camera does not count, as everywhere in the field.

    **Examples**

    - `sanreid evaluate my/labelled`
    - `sanreid evaluate my/labelled --rerank --json > metrics.json`
    - `sanreid evaluate data/raw/market1501 --model models/strong/market1501/seed0`
    """
    from sanreid.data import photographs

    rows = photographs.read(folder)
    from sanreid.search import nearest

    if rerank:
        nearest.check_enough(len(rows))
    from sanreid.api import Model

    network = Model.load(model, device)
    with bar(len(rows), "embedding") as done:
        values = network.embed([folder / path for path in rows["path"]], batch, done)
    from sanreid.evaluation import features, ranking, reranking

    query, gallery = features.split(values, rows)
    found = {"plain": ranking.evaluate(query, gallery, "cosine", MAX_RANK)}
    if rerank:
        matrix = reranking.k_reciprocal(query.features, gallery.features, nearest.K1, nearest.K2, nearest.WEIGHT)
        ids = query.pids, gallery.pids, query.camids, gallery.camids
        found["reranked"] = ranking.evaluate_distances(matrix, *ids, MAX_RANK)
    told: dict[str, dict[str, Any]] = {
        way: result.metrics() | {"cmc": [float(v) for v in result.cmc]} for way, result in found.items()
    }
    if as_json:
        print(json.dumps({"folder": str(folder), "model": network.name, **told}, indent=2))
        return
    plain = found["plain"]
    left = f", {plain.left_out} without a match left out" if plain.left_out else ""
    print(f"{plain.queries} queries{left}, {plain.gallery} gallery pictures, by {network.name}", file=sys.stderr)
    print("\t".join(["%", *SHOWN]))
    for way, metrics in told.items():
        print("\t".join([way, *(f"{100 * metrics[name]:.1f}" for name in SHOWN)]))
