"""CMC, mAP and mINP of a trained SAN on a set's query and gallery, and a picture of ranked lists.

Decisions: the decoder is not built, since retrieval does not need it; every weight of the feature must match, and the
section `san` must be the one of the training.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import PositiveInt

from sanreid import runtime
from sanreid.data import images as pictures
from sanreid.data import index, tensors
from sanreid.evaluation import features, ranking
from sanreid.evaluation.distances import Metric
from sanreid.models import san as network
from sanreid.params import Section, run
from sanreid.reporting import ranked_lists
from sanreid.training import checkpoint, parts

FEATURE = (*parts.TRUNK, "encoder.fc.")


class Params(Section):
    """Section `evaluate_san`."""

    batch: PositiveInt
    metric: Metric
    max_rank: PositiveInt
    flip_average: bool
    l2: bool
    lists: ranked_lists.Lists


def main(images: Path, model: Path, out: Path, p: Params, san: network.Architecture) -> None:
    """`out` gets metrics.json, cmc.csv (rank, cmc) and ranked.jpg of the model folder `model` on the set `images`."""
    rows = features.retrieval_rows(index.read(images))
    runtime.prepare(seed=0)
    net = load(model, san)
    decoded = tensors.decode(images, rows["path"].tolist(), san.size)
    query, gallery = features.split(features.extract(net, decoded, p.batch, p.flip_average, p.l2), rows)
    result = ranking.evaluate(query, gallery, p.metric, p.max_rank)
    with runtime.atomic_folder(out) as work:
        runtime.write_json(work / "metrics.json", result.metrics())
        cmc = pd.DataFrame({"rank": np.arange(1, p.max_rank + 1), "cmc": result.cmc})
        cmc.to_csv(work / "cmc.csv", index=False)
        sheet = ranked_lists.draw(images, rows, query, gallery, result, p.metric, p.lists)
        pictures.write_rgb(work / "ranked.jpg", sheet)
    percent = 100 * result.rank(1), 100 * result.mean_average_precision
    runtime.log.info("%s: rank-1 %.1f %%, mAP %.1f %%", out, *percent)


def load(folder: Path, san: network.Architecture) -> network.SAN:
    """The network of a model folder, without its decoder.

    Raises FileNotFoundError where there is none, ValueError where it was trained with another section `san`.
    """
    file = folder / "params.json"
    if not file.is_file():
        raise FileNotFoundError(f"{file}: not found; run train_san for this variant and seed")
    trained = json.loads(file.read_text()).get("architecture", {})
    for key, value in san.model_dump(mode="json").items():
        if trained.get(key) != value:
            raise ValueError(f"san.{key} is {value}, but {file} says {trained.get(key)}: train it again")
    net = network.SAN(san, people=1, decoder=False)
    runtime.log.info("%s", checkpoint.load_into(net, folder / checkpoint.WEIGHTS, only=FEATURE, strict=True))
    return net


if __name__ == "__main__":
    run(main)
