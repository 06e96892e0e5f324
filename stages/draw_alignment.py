"""A figure of AlignedReID's stripe alignment: an aligned pair, a shifted pair and a wrong match, with their paths.

Decision: reporting/systems/alignment.py chooses the pairs and draws them; pairs.json describes them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from sanreid import runtime
from sanreid.bounds import Batch, Seed, Some
from sanreid.data import images as pictures
from sanreid.data import index, tensors
from sanreid.evaluation import features, local_distance
from sanreid.evaluation.ranking import Embeddings
from sanreid.models.aligned import AlignedReID
from sanreid.params import Section, run
from sanreid.reporting.systems import alignment, measure


class Params(Section):
    """Section `draw_alignment`."""

    batch: Batch
    queries: Some
    seed: Seed


def main(images: Path, model: Path, out: Path, p: Params) -> None:
    """`out` gets alignment.png and pairs.json of the AlignedReID folder `model` on the set `images`.

    pairs.json has for each pair: kind, people, images, distances of the stripes, path, and the local distance.
    """
    net, record = measure.load(model)
    if not isinstance(net, AlignedReID):
        raise ValueError(
            f"{model}: is of system {record['system']}, which has no stripes; name a folder of train_aligned"
        )
    arch = record["recipe"]["network"]
    rows = drawn(features.retrieval_rows(index.read(images)), p)
    runtime.prepare(seed=0)
    decoded = tensors.decode(images, rows["path"].tolist(), (arch["height"], arch["width_px"]))
    flat = features.extract(net, decoded, p.batch, read=lambda output: output.stripes.flatten(1))
    query, gallery = features.split(flat, rows)
    height = flat.shape[1] // arch["local"]
    paths = [rows.loc[rows["split"] == split, "path"].tolist() for split in ("query", "gallery")]
    pairs, told = [], []
    for kind, q, g in alignment.choose(query, gallery, height):
        stripes = query.features[q].reshape(height, -1), gallery.features[g].reshape(height, -1)
        distances, path = local_distance.alignment(*stripes)
        local = float(sum(distances[cell] for cell in path))
        names = paths[0][q], paths[1][g]
        one, other = (pictures.read_rgb(images / name) for name in names)
        title = f"{alignment.TITLES[kind]}: {who(query, q)} and {who(gallery, g)}"
        pairs.append(alignment.Pair(one, other, distances, path, title, f"local distance {local:.2f}"))
        people = int(query.pids[q]), int(gallery.pids[g])
        values = np.round(distances.astype(float), 4).tolist()
        told.append(
            {"kind": kind, "people": people, "images": names, "local": local, "distances": values, "path": path}
        )
    with runtime.atomic_folder(out) as work:
        pictures.write_rgb(work / "alignment.png", alignment.sheet(pairs))
        runtime.write_json(work / "pairs.json", {"pairs": told})


def drawn(rows: pd.DataFrame, p: Params) -> pd.DataFrame:
    """The gallery, and at most `queries` drawn queries, in the table's order."""
    queries = np.flatnonzero(rows["split"] == "query")
    left_out = runtime.rng(p.seed, "alignment").permutation(queries)[p.queries :]
    return rows.drop(index=rows.index[left_out]).reset_index(drop=True)


def who(images: Embeddings, number: int) -> str:
    """The person of an image, and its camera where that is known."""
    camera = "" if images.camids is None else f", camera {images.camids[number]}"
    return f"person {images.pids[number]}{camera}"


if __name__ == "__main__":
    run(main)
