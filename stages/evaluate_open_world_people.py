"""How many people are in a stream? The digits' open-world evaluation on a re-ID system's features, by the same code.

Decisions: nobody in the stream was used for training or calibration: a fraction of the set's test people is for
calibration, and the images of the others, queries and gallery together, are the stream; distractors are left out. The
known difficulty is cameras: two people in one camera can look more alike than one person in two. So it is measured
twice: with the features as they are, and with each camera's mean removed, which needs no labels.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sanreid import runtime
from sanreid.bounds import Batch, Within
from sanreid.data import index, tensors
from sanreid.evaluation import features, trivial_baselines
from sanreid.evaluation.open_world import protocol, result_files
from sanreid.evaluation.open_world.protocol import Labelled
from sanreid.evaluation.ranking import DISTRACTOR
from sanreid.params import run
from sanreid.reporting.shared import notices
from sanreid.reporting.systems import measure

KINDS = ("features", "camera mean removed")


class Params(protocol.Protocol):
    """Section `evaluate_open_world_people`."""

    batch: Batch
    held_out: Within


def main(images: Path, model: Path, out: Path, p: Params) -> None:
    """`out` gets metrics.json and a folder for each of KINDS (evaluation/open_world/result_files.py).

    `images` has a set's table; `model` is the model folder of a re-ID system.
    """
    net, trained = measure.load(model)
    rows = features.retrieval_rows(index.read(images))
    rows = rows[rows["pid"] != DISTRACTOR].reset_index(drop=True)
    known = calibrating(rows["pid"].to_numpy("int64"), p)
    arch = trained["recipe"]["network"]
    decoded = tensors.decode(images, rows["path"].tolist(), (arch["height"], arch["width_px"]))
    runtime.prepare(p.seed)
    plain = features.extract(net, decoded, p.batch)
    people = rows["pid"].to_numpy("int64")
    wanted = np.flatnonzero(~known)
    wanted = wanted[protocol.longest(people[wanted], p)]
    paths = rows["path"].iloc[wanted].tolist()
    metrics = {}
    with runtime.atomic_folder(out) as work:
        for kind, taken in zip(
            KINDS, (plain, trivial_baselines.centre(plain, trivial_baselines.cameras(rows))), strict=True
        ):
            find = Labelled(taken[wanted], people[wanted])
            result = protocol.evaluate(Labelled(taken[known], people[known]), find, p)
            result_files.save(work / kind.replace(" ", "_"), result, paths, find)
            metrics[kind] = result_files.headline(result.runs, p.shown)
            runtime.log.info("%s, %s: %s", out, kind, result_files.line(metrics[kind]))
        about = {"system": trained["system"], "warnings": notices.of_model(model)}
        runtime.write_json(work / "metrics.json", about | metrics)


def calibrating(pids: NDArray[np.int64], p: Params) -> NDArray[np.bool_]:
    """Which images (N,) are of the people for calibration: a random fraction `held_out` of all people.

    Raises ValueError where fewer than two are left on either side.
    """
    everybody = np.unique(pids)
    count = round(p.held_out * len(everybody))
    if min(count, len(everybody) - count) < 2:
        raise ValueError(
            f"evaluate_open_world_people.held_out: {p.held_out} of {len(everybody)} people leave too few on a side"
        )
    return np.isin(pids, runtime.rng(p.seed, "calibrating people").permutation(everybody)[:count])


if __name__ == "__main__":
    run(main)
