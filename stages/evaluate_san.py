"""CMC, mAP and mINP of a trained SAN on its set's query and gallery, and a picture of ranked lists.

Decision: the work is done by reporting/run/retrieval.py, which evaluate_cross uses too.
"""

from pathlib import Path

from sanreid.models import san as network
from sanreid.params import run
from sanreid.reporting.run import retrieval


class Params(retrieval.Retrieval):
    """Section `evaluate_san`."""


def main(images: Path, model: Path, out: Path, p: Params, san: network.Architecture) -> None:
    """Evaluate the model folder `model` on the set `images`; `out` gets metrics.json, cmc.csv and the ranked lists."""
    retrieval.evaluate(images, model, out, p, san)


if __name__ == "__main__":
    run(main)
