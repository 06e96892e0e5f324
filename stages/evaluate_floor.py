"""The trivial baselines that every re-ID result on a set has to beat: chance, an untrained network, and colour stripes.

Decisions: query, gallery, protocol and metrics are those of a trained model, so that the rows of a table can be
compared; no labels are used. For camera-centred stripes the mean over each camera's images in query and gallery is
subtracted. The metric is the cosine distance, which suits centred features; plain stripes have unit length, and are
ranked alike by cosine and euclidean distance.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from sanreid import runtime
from sanreid.bounds import Batch, Features, MaxRank, Repeats, Seed
from sanreid.data import index, tensors
from sanreid.evaluation import features, protocols, trivial_baselines
from sanreid.evaluation.distances import Metric
from sanreid.models import san as network
from sanreid.params import Section, run


class Params(Section):
    """Section `evaluate_floor`."""

    seed: Seed
    batch: Batch
    metric: Metric
    max_rank: MaxRank
    repeats: Repeats
    random_width: Features
    stripes: trivial_baselines.Stripes


def main(images: Path, out: Path, p: Params, san: network.Architecture) -> None:
    """`out` gets metrics.json (one entry per baseline) and cmc.csv (rank, one column per baseline) of set `images`."""
    rows = features.retrieval_rows(index.read(images))
    protocol = protocols.of(rows)
    runtime.prepare(p.seed)
    untrained = network.SAN(san, people=1, decoder=False)
    decoded = tensors.decode(images, rows["path"].tolist(), san.size)
    stripes = trivial_baselines.colour_stripes(decoded, p.stripes)
    floors = {
        "random": trivial_baselines.random_features(len(rows), p.random_width, p.seed),
        "untrained": features.extract(untrained, decoded, p.batch),
        "stripes": stripes,
        "stripes_centred": trivial_baselines.centre(stripes, trivial_baselines.cameras(rows)),
    }
    results = {
        name: protocols.evaluate(*features.split(vectors, rows), protocol, p.metric, p.max_rank, p.repeats, p.seed)
        for name, vectors in floors.items()
    }
    with runtime.atomic_folder(out) as work:
        metrics = {name: r.metrics() | {"protocol": protocol} for name, r in results.items()}
        runtime.write_json(work / "metrics.json", metrics)
        curves = {"rank": np.arange(1, p.max_rank + 1)} | {name: r.cmc for name, r in results.items()}
        pd.DataFrame(curves).to_csv(work / "cmc.csv", index=False)
    for name, r in results.items():
        percent = 100 * r.rank(1), 100 * r.mean_average_precision
        runtime.log.info("%s, %s: rank-1 %.1f %%, mAP %.1f %%", out, name, *percent)


if __name__ == "__main__":
    run(main)
