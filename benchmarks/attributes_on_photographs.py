"""How many answers of an attribute classifier are right on photographs? It was trained on rendered people.

    python benchmarks/attributes_on_photographs.py FOLDER [--model src/sanreid/pretrained_attributes]

FOLDER is PKU-Reid as an own folder (images/<pid>_<camera>_<view>.png and index.csv). Its people have no published
attributes: pku_reid_attributes.csv beside this file was labelled by eye, from both cameras, before any classifier had
seen them. Written for each attribute: accuracy and balanced accuracy over pictures, those of always answering the
majority class, and the gain in balanced accuracy with a 95 % interval from drawing people again.

Decisions: a cell is empty where the eye could not decide (rolled sleeves, leggings under a skirt, navy or black).
Age, bag and handbag were not labelled. A colour answered as multicolour counts as any other class.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

from sanreid.api import device_named
from sanreid.data.attributes import HEADS
from sanreid.evaluation import attributes as measures
from sanreid.reporting.shared import markdown_table
from sanreid.search import attributes, listing

LABELS = Path(__file__).with_name("pku_reid_attributes.csv")
DRAWS, SEED = 1000, 0


def read(file: Path = LABELS) -> dict[int, dict[str, str]]:
    """For each pid its classes by attribute; ValueError naming a pid whose class is no class of the attribute."""
    with file.open(encoding="utf-8", newline="") as lines:
        people = {int(row.pop("pid")): row for row in csv.DictReader(lines)}
    for pid, row in people.items():
        if wrong := [f"{head} {value}" for head, value in row.items() if value and value not in HEADS[head]]:
            raise ValueError(f"{file}: person {pid}: {', '.join(wrong)}: no such class")
    return people


def main(folder: Path, model: Path) -> None:
    """Measure and print."""
    people = read()
    table = listing.held_out(folder)
    table = table[table["pid"].isin(list(people))]
    told = attributes.Classifier(model, device_named("auto")).tell([folder / path for path in table["path"]])
    rows = []
    for head in next(iter(people.values())):
        classes = HEADS[head]
        seen = [
            (pid, classes.index(people[pid][head]), classes.index(one["attributes"][head]["class"]))
            for pid, one in zip(table["pid"], told, strict=True)
            if people[pid][head]
        ]
        pids, truth, answers = np.array(seen).T
        counts = measures.by_person(truth, answers, pids, len(classes))
        judged = measures.judge(counts, measures.majority(truth, len(classes)), DRAWS, SEED, head)
        low, high = judged.interval or (np.nan, np.nan)
        scores = (judged.scores.accuracy, judged.baseline.accuracy, judged.scores.balanced, judged.baseline.balanced)
        percent = [f"{100 * score:.1f}" for score in scores]
        number = str(len(set(pids.tolist())))
        rows.append([head.replace("_", " "), number, *percent, f"{100 * low:+.1f} to {100 * high:+.1f}"])
    names = ["", "people", "accuracy", "majority", "balanced", "majority, balanced", "gain, 95 % interval"]
    print(markdown_table.table(names, rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, default=attributes.SHIPPED)
    given = parser.parse_args()
    main(given.folder, given.model)
