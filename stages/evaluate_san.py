"""CMC, mAP and mINP of a trained SAN on its set's query and gallery, and a picture of ranked lists.

Decision: what is done is in reporting/run/retrieval.py, which evaluate_cross shares.
"""

from pathlib import Path

from sanreid.models import san as network
from sanreid.params import run
from sanreid.reporting.run import retrieval


class Params(retrieval.Retrieval):
    """Section `evaluate_san`."""


def main(images: Path, model: Path, out: Path, p: Params, san: network.Architecture) -> None:
    """`out` gets metrics.json, cmc.csv, verification.json, roc.csv and ranked.jpg of folder `model` on set `images`."""
    retrieval.evaluate(images, model, out, p, san)


if __name__ == "__main__":
    run(main)
