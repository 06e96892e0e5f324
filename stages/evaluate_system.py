"""CMC, mAP and mINP of a trained re-ID system on its set's query and gallery, with and without re-ranking, its speed
and size, ranked lists, and a t-SNE map of the people with most images.

Decision: the work is done by reporting/systems/measure.py; the model folder records which system it is.
"""

from pathlib import Path

from sanreid.params import run
from sanreid.reporting.systems import measure


class Params(measure.Evaluation):
    """Section `evaluate_system`."""


def main(images: Path, model: Path, out: Path, p: Params) -> None:
    """`out` gets metrics.json, cmc.csv, verification.json, roc.csv, ranked.jpg and tsne.jpg of `model` on `images`."""
    measure.evaluate(images, model, out, p)


if __name__ == "__main__":
    run(main)
