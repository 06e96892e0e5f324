"""Train the Siamese network of digits on the digits of one division."""

from pathlib import Path

from sanreid import runtime
from sanreid.data import digits
from sanreid.models.siamese import Siamese
from sanreid.params import run
from sanreid.training import digit_training, siamese


class Params(siamese.Recipe):
    """Section `train_mnist_siamese`."""


def main(images: Path, division: str, out: Path, p: Params) -> None:
    """`out` gets weights.safetensors, params.json, history.csv and training.json.

    `images` is the folder that extract_mnist wrote, `division` one of those in data/digits.py: `seen`, `d0` .. `d9`.
    """
    digit_training.prepare(p.seed)
    everything = digits.read(images)
    rows = digits.rows(everything, division, p.divisions.seed, p.divisions.held_out)
    model = digit_training.place(Siamese(p.network), p.compute, runtime.device())
    step = siamese.Step(model, everything.at(rows.train), p)
    digit_training.train(step, siamese.settings(p, division), images, out, epochs=p.epochs, seed=p.seed)


if __name__ == "__main__":
    run(main)
