"""CMC, mAP and mINP of a trained re-ID system on its set's query and gallery, with and without re-ranking, its price,
ranked lists, and a map of the people with most images.

Decision: what is done is in reporting/systems/measure.py; the model folder says which system it is.
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
