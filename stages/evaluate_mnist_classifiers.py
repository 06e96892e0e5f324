"""The digit classifiers on the test digits: accuracy, number of parameters, seconds, and confusion matrices."""

from pathlib import Path

import numpy as np

from sanreid import runtime
from sanreid.bounds import Percent, Text
from sanreid.data import digits
from sanreid.data.mnist import CLASSES
from sanreid.params import Section, run
from sanreid.reporting.digits import classifiers as tables
from sanreid.reporting.shared import class_charts, notices
from sanreid.training import digit_classifier


class Params(Section):
    """Section `evaluate_mnist_classifiers`."""

    published: dict[Text, Percent]


def main(images: Path, models: Path, out: Path, p: Params, mnist: tables.Runs) -> None:
    """`out` gets table.csv, table.md, confusion.svg and index.html; the table is printed too.

    `images` is what extract_mnist wrote, `models` the folder of the model folders that `mnist.models` names.
    """
    everything = digits.read(images)
    tested = everything.at(everything.tested)
    truth, rows, matrices, warned = tested.labels.numpy(), [], {}, []
    for name in mnist.models:
        trained = digit_classifier.load(models / name)
        trained.model.to(runtime.device())
        told = digit_classifier.predict(trained.model, tested.images).numpy()
        counts = np.zeros((CLASSES, CLASSES), np.int64)
        np.add.at(counts, (truth, told), 1)
        matrices[name] = counts
        files = len(everything.labels) - len(truth)
        right = int(np.trace(counts))
        warned += notices.of_model(models / name)
        rows.append(tables.Row(name, right, len(truth), files, trained.parameters, trained.epochs, trained.seconds))
    text = tables.markdown(rows, p.published) + "".join(f"\nWarning: {words}\n" for words in warned)
    with runtime.atomic_folder(out) as work:
        tables.frame(rows).to_csv(work / "table.csv", index=False, float_format="%.6g")
        (work / "table.md").write_text(text)
        names = [str(digit) for digit in range(CLASSES)]
        confusion = class_charts.confusion(matrices, dict.fromkeys(matrices, names))
        (work / "confusion.svg").write_text(confusion)
        (work / "index.html").write_text(tables.page(rows, p.published, confusion, warned))
    print(text, end="")


if __name__ == "__main__":
    run(main)
