"""A SAN trained on one set, tested on another's query and gallery (cross-domain): numbers and ranked lists.

Decision: measured exactly as on its own set, with the parameters of section `evaluate_san`; if the training set is
named as a test set too, the result repeats evaluate_san's, so that a table of training sets by test sets has no gaps.
"""

from pathlib import Path

from sanreid.models import san as network
from sanreid.params import run
from sanreid.reporting.run import retrieval


def main(images: Path, model: Path, out: Path, evaluate_san: retrieval.Retrieval, san: network.Architecture) -> None:
    """Evaluate the model folder `model` on the set `images`; `out` gets metrics.json, cmc.csv and the ranked lists."""
    retrieval.evaluate(images, model, out, evaluate_san, san)


if __name__ == "__main__":
    run(main)
