"""Scores of the trained classifier for each attribute, beside those of the majority class; tables, charts and a page.

Decision: the work is done by reporting/attributes/measure.py.
"""

from pathlib import Path

from sanreid.params import run
from sanreid.reporting.attributes import measure


class Params(measure.Evaluation):
    """Section `evaluate_attributes`."""


def main(market: Path, labels: Path, model: Path, out: Path, p: Params) -> None:
    """`out` gets metrics.json, three CSVs, two SVGs and index.html of the model folder `model`.

    `market` is the extracted Market-1501, `labels` the folder that extract_attributes wrote.
    """
    measure.evaluate(market, labels, model, out, p)


if __name__ == "__main__":
    run(main)
