"""How many digits are in a stream of images? The Siamese network of one division, calibrated and put to the test.

Decision: what is measured is in evaluation/open_world/protocol.py, the same for digits and people.
"""

from pathlib import Path

from pydantic import PositiveInt

from sanreid import runtime
from sanreid.data import digits, index
from sanreid.evaluation.open_world import protocol, record
from sanreid.evaluation.open_world.protocol import Labelled
from sanreid.params import run
from sanreid.training import siamese


class Params(protocol.Protocol):
    """Section `evaluate_open_world`."""

    batch: PositiveInt


def main(mnist: Path, model: Path, out: Path, p: Params) -> None:
    """`out` gets metrics.json and the folder `embedding` (evaluation/open_world/record.py).

    `mnist` is what extract_mnist wrote, `model` a folder of train_mnist_siamese: its division says which images
    calibrate and which are the stream.
    """
    trained, everything = siamese.load(model), digits.read(mnist)
    paths = index.read(mnist)["path"].tolist()
    rows = trained.rows(everything)
    runtime.prepare(p.seed)
    trained.model.to(runtime.device())
    known, find = (
        Labelled(siamese.embed(trained, part.images, p.batch), part.labels.numpy())
        for part in (everything.at(rows.calibrate), everything.at(rows.find))
    )
    result = protocol.evaluate(known, find, p)
    told = record.headline(result.runs, p.shown)
    with runtime.atomic_folder(out) as work:
        record.save(work / "embedding", result, [paths[i] for i in rows.find.tolist()], find)
        runtime.write_json(work / "metrics.json", {"division": trained.division, "embedding": told})
    runtime.log.info("%s: %s", out, record.line(told))


if __name__ == "__main__":
    run(main)
