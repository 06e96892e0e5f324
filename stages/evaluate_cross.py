"""A SAN trained on one set, tested on another's query and gallery (cross-domain): numbers and ranked lists.

Decision: measured exactly as on its own set, by the numbers of section `evaluate_san`; a set that is also its own test
set repeats evaluate_san's result, which keeps a table of sets by sets free of holes.
"""

from pathlib import Path

from sanreid.models import san as network
from sanreid.params import run
from sanreid.reporting.run import retrieval


def main(images: Path, model: Path, out: Path, evaluate_san: retrieval.Retrieval, san: network.Architecture) -> None:
    """`out` gets metrics.json, cmc.csv, verification.json, roc.csv and ranked.jpg of folder `model` on set `images`."""
    retrieval.evaluate(images, model, out, evaluate_san, san)


if __name__ == "__main__":
    run(main)
