"""The attributes of every picture in a folder, as a CSV in the course's format; no stage runs this.

    python tools/predict_attributes.py models/attributes/seed0 PICTURES predictions.csv [--truth truth.csv]

Decisions: rows are sorted by file name, and `id` is the path below the folder. Hidden files are ignored (such as
macOS's `._0001.jpg`); every picture is verified before the network is run. `--truth` is a CSV of the same format: its
pictures are scored, attribute by attribute, and compared with always predicting its most frequent class.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sanreid import faults, runtime
from sanreid.data import attribute_labels, attributes, images, tensors
from sanreid.data.links import shown
from sanreid.evaluation import attributes as measures
from sanreid.training import attributes as method

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp"}
BATCH = 128


def names(folder: Path) -> list[str]:
    """The pictures at any depth of `folder`, as POSIX paths below it, sorted.

    Raises FileNotFoundError where there is no such folder, ValueError where it holds none.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; name one that holds pictures")
    pictures = (p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and shown(p, folder) and not p.is_dir())
    found = sorted(p.relative_to(folder).as_posix() for p in pictures)
    if not found:
        raise ValueError(f"{folder}: no pictures ({', '.join(sorted(SUFFIXES))}) in it")
    return found


def predict(model: Path, folder: Path, out: Path, multicolor: bool = False) -> tuple[list[str], NDArray[np.int64]]:
    """Write the CSV `out`, and return the names and the 12 heads' classes (N, 12).

    Raises FileNotFoundError or ValueError naming the file.
    """
    net, network = method.load(model)
    found = names(folder)
    images.verify_all((folder / name for name in found), folder)
    store = tensors.decode(folder, found, network.size)
    classes = measures.predict(net, store, method.CLASSES, BATCH)
    attribute_labels.write_predictions(out, found, classes, multicolor)
    runtime.log.info("%s: attributes of %d pictures", out, len(found))
    return found, classes


def compare(truth: Path, found: Sequence[str], classes: NDArray[np.int64]) -> list[str]:
    """A line an attribute: its accuracy on the pictures that `truth` names, and that of the class most frequent there.

    Raises ValueError where `truth` names none of them.
    """
    table = attributes.read_predictions(truth).set_index("image")
    number = {name: i for i, name in enumerate(found)}
    some = [name for name in table.index if name in number]
    if not some:
        raise ValueError(f"{truth}: names none of the pictures; the first is {found[0]}, `id` must say so")
    rows = np.array([number[name] for name in some])
    lines = [f"{len(some)} of {len(found)} pictures have a truth", f"{'attribute':<12} right  most frequent class"]
    for i, (head, names_) in enumerate(attributes.HEADS.items()):
        true = table.loc[some, head].to_numpy()
        most = measures.majority(true, len(names_))
        right, base = (100 * np.mean(true == told) for told in (classes[rows, i], most))
        lines.append(f"{head:<12} {right:5.1f}  {base:5.1f} ({names_[most]})")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; bad input ends in one clear message."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder of train_attributes")
    parser.add_argument("folder", type=Path, help="of pictures, at any depth")
    parser.add_argument("out", type=Path, help="CSV to write")
    parser.add_argument("--multicolor", action="store_true", help="add the columns upmulticolor and downmulticolor")
    parser.add_argument("--truth", type=Path, help="CSV of the same format to score against")
    given = parser.parse_args(arguments)
    runtime.configure_logging()
    with faults.told("predict_attributes"):
        found, classes = predict(given.model, given.folder, given.out, given.multicolor)
        if given.truth:
            print("\n".join(compare(given.truth, found, classes)))


if __name__ == "__main__":
    main()
