"""How many digits are in a stream of images? The Siamese network of one division, calibrated and tested.

Decisions: two calibration digits say little about distances between digits in general, so artificial classes made from
them are added (data/invented.py), unless the calibration digits are in the stream too. The measurement is in
evaluation/open_world/protocol.py, the same for digits and people. Raw pixels (their first principal components, fitted
on the training images) are measured beside the network's embedding, as a baseline without training; on digits never
trained on a network may be worse.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor

from sanreid import runtime
from sanreid.bounds import Batch, Features
from sanreid.data import digits, index, invented
from sanreid.data.digits import Digits
from sanreid.data.invented import Invented
from sanreid.evaluation.open_world import protocol, result_files
from sanreid.evaluation.open_world.protocol import Labelled
from sanreid.params import run
from sanreid.reporting.shared import notices
from sanreid.training import siamese


class Params(protocol.Protocol):
    """Section `evaluate_open_world`."""

    batch: Batch
    components: Features
    invented: Invented


def main(mnist: Path, model: Path, out: Path, p: Params) -> None:
    """`out` gets metrics.json and the folders `embedding` and `pixels` (evaluation/open_world/result_files.py).

    `mnist` is what extract_mnist wrote, `model` a folder of train_mnist_siamese: its division says which images
    calibrate and which are the stream.
    """
    trained, everything = siamese.load(model), digits.read(mnist)
    paths = index.read(mnist)["path"].tolist()
    rows = trained.rows(everything)
    runtime.prepare(p.seed)
    trained.model.to(runtime.device())
    wanted = rows.find[protocol.longest(everything.labels[rows.find].numpy(), p)]
    find = everything.at(wanted)
    parts = [calibrating(everything.at(rows.calibrate), find, p), find]
    kinds = {
        "embedding": [siamese.embed(trained, part.images, p.batch) for part in parts],
        "pixels": components(everything.images[rows.train], [part.images for part in parts], p.components),
    }
    told = {}
    with runtime.atomic_folder(out) as work:
        for kind, features in kinds.items():
            known, stream = (Labelled(taken, part.labels.numpy()) for taken, part in zip(features, parts, strict=True))
            result = protocol.evaluate(known, stream, p)
            result_files.save(work / kind, result, [paths[i] for i in wanted.tolist()], stream)
            told[kind] = result_files.headline(result.runs, p.shown)
            runtime.log.info("%s, %s: %s", out, kind, result_files.line(told[kind]))
        about = {"division": trained.division, "warnings": notices.of_model(model)}
        runtime.write_json(work / "metrics.json", about | told)


def calibrating(known: Digits, find: Digits, p: Params) -> Digits:
    """`known`, and classes invented of them unless `find` has some of their digits."""
    return known if np.isin(known.labels, find.labels).any() else invented.add(known, p.invented, p.seed)


def components(fitted: Tensor, parts: list[Tensor], count: int) -> list[NDArray[np.float32]]:
    """The first principal components (N, at most `count`) of uint8 images `fitted`, of each part (N, 1, H, W)."""
    known, *wanted = (part.flatten(1).numpy().astype(np.float32) / 255 for part in (fitted, *parts))
    pca = PCA(min(count, *known.shape), svd_solver="full").fit(known)
    return [pca.transform(part).astype(np.float32) for part in wanted]


if __name__ == "__main__":
    run(main)
