"""The graph that `tools/chaos.py` kills: every kind of stage at tiny size, a workspace of it, and what a run leaves.

Decisions: the parameters are those of the tests' tiny graph and what they leave out: the other systems, the digits'
classifiers with a grid of one cell, the open world. Two workspaces are compared file by file, everything that is
neither git's nor DVC's own (whose rwlock may name dead processes; it passes over them): what one has alone is a
leftover (a half-written file, a lock), what differs is a fault. Seconds are no result: numbers named so are left out of
JSON and CSV files, and out of the pages that print them.
"""

import csv
import json
import os
import re
from pathlib import Path
from typing import Any

from tests.workspace import Workspace

CELL = "lr0.1_wd0.01_b64"
TINIEST: dict[str, dict[str, Any]] = {
    "experiment": {"variants": ["baseline", "san"], "seeds": [0], "cross": ["market1501"]},
    "systems": {
        "names": ["two_branch", "two_head", "strong", "aligned"],
        "variants": ["two_branch"],
        "alignments": ["aligned"],
    },
    "train_san_pg": {"epochs": 4},
    "train_san": {"epochs": 4},
    "train_strong": {"epochs": 4},
    "train_attributes": {"epochs": 4},
    "train_two_branch": {"epochs": 4},
    "train_two_branch.batches": {"triplets": 6, "people": 3, "images": 2},
    "train_two_branch.network": {"width": 8, "height": 64, "width_px": 32},
    "train_two_head": {"epochs": 4},
    "train_two_head.batches": {"triplets": 6, "people": 3, "images": 2},
    "train_two_head.network": {"width": 8, "height": 64, "width_px": 32},
    "train_two_head.optimiser.warm_up": {"epochs": 1},
    "train_aligned": {"epochs": 4, "people": 3, "images": 2},
    "train_aligned.network": {"width": 8, "height": 64, "width_px": 32},
    "draw_alignment": {"queries": 3},
    "mnist": {"models": ["perceptron"], "cells": [CELL], "grids": ["tiny"], "divisions": ["d0"]},
    "train_mnist_classifier.models": {
        # long enough that an orphan would still train when it is looked for
        "perceptron": {"network": {"kind": "perceptron", "hidden": 32}, "epochs": 1000},
    },
    "sweep_mnist": {"model": "perceptron", "epochs": 2},
    "compare_mnist_cells": {"grids": {"tiny": {"one cell": {CELL: None}}}},
    "train_mnist_siamese": {"epochs": 2},
    "train_mnist_siamese.batches": {"people": 4},
    "train_mnist_siamese.invented": {"turns": [], "halves": 0},
    "train_mnist_siamese.network": {"channels": [4, 8], "embedding": 8},
    "evaluate_open_world": {"sizes": [20], "orders": 2},
    "evaluate_open_world.invented": {"turns": [], "halves": 0},
    "evaluate_open_world.calibration": {"images": 60, "orders": 2, "candidates": 4},
    "evaluate_open_world.peers": {"sizes": [5], "most": 1000},
    "evaluate_open_world_people": {"sizes": [10], "orders": 2},
    "evaluate_open_world_people.calibration": {"images": 60, "orders": 2, "candidates": 4},
    "report_open_world": {"pictured": ["d0"]},
    "report_open_world.maps": {"divisions": ["d0"], "sizes": [50], "steps": 250},
}
OURS = (".git", ".dvc/cache", ".dvc/tmp", "runs", "__pycache__", "dvc.lock", ".dvc/config.local")  # not compared
TIMES = re.compile(r"second|images/s|_per_s|\btook\b", re.IGNORECASE)
# a training's time in a cell of a page's table, and the images a second in the next
TIMED = re.compile(r"(?:\| |<td class=\"n\">)[\d:,.]+ (?:s|min|h)\b(?:(?: \| |</td><td class=\"n\">)[\d,.]+)?")


def build(root: Path, folder: Path) -> Workspace:
    """A workspace of the project at `root` in the new folder, with the tiniest parameters."""
    folder.mkdir(parents=True)
    workspace = Workspace(root, folder)
    workspace.leave_code_out()
    workspace.edit(TINIEST)
    return workspace


def files(folder: Path, below: str = "") -> dict[str, Path]:
    """The workspace's files by their names in it, or those at and under one path, without git's and DVC's own."""
    if (folder / below).is_file():
        return {below: folder / below}
    found: dict[str, Path] = {}
    for top, folders, names in os.walk(folder / below):
        place = Path(top).relative_to(folder)
        folders[:] = [name for name in folders if not {name, (place / name).as_posix()} & set(OURS)]
        found |= {(place / name).as_posix(): Path(top, name) for name in names if (place / name).as_posix() not in OURS}
    return found


def differences(whole: Path, other: Path, out: str) -> list[str]:
    """The files under the path `out` that `other` lacks, has alone, or has otherwise; by their names in it."""
    one, two = (files(place, out) for place in (whole, other))
    return sorted(n for n in one.keys() | two.keys() if n not in one or n not in two or not same(one[n], two[n]))


def leftovers(whole: Path, other: Path) -> list[str]:
    """What is amiss in all of `other`: files that it lacks, has alone (half-written ones, locks) or has otherwise."""
    one, two = files(whole), files(other)
    found = [f"{name}: not made" for name in sorted(one.keys() - two.keys())]
    found += [f"{name}: left over" for name in sorted(two.keys() - one.keys())]
    found += [f"{n}: not as undisturbed" for n in sorted(one.keys() & two.keys()) if not same(one[n], two[n])]
    return found


def same(one: Path, other: Path) -> bool:
    """Whether two files tell the same, timings apart."""
    if one.read_bytes() == other.read_bytes():
        return True
    if one.suffix == ".json":
        try:
            return _timeless(json.loads(one.read_text())) == _timeless(json.loads(other.read_text()))
        except ValueError:  # half-written
            return False
    if one.suffix == ".csv":
        return _columns(one) == _columns(other)
    if one.suffix in (".md", ".html"):
        return TIMED.sub("", one.read_text()) == TIMED.sub("", other.read_text())
    return False


def _timeless(values: Any) -> Any:
    """Nested values without those whose names tell of time."""
    if isinstance(values, dict):
        return {key: _timeless(value) for key, value in values.items() if not TIMES.search(str(key))}
    return [_timeless(value) for value in values] if isinstance(values, list) else values


def _columns(file: Path) -> list[dict[str, str]]:
    """A table's rows without the columns whose names tell of time."""
    with file.open(newline="") as opened:
        return [_timeless(row) for row in csv.DictReader(opened)]
