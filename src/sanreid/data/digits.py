"""MNIST's digits in one tensor, and their divisions into training, calibration and test.

Decisions: a division is a name. `seen` trains on all ten digits and is tested on other images of the same digits; `d0`
to `d9` train on four digits, calibrate thresholds on two others and are tested on the remaining four. They are the ten
rotations of a random cyclic order of the digits, so that over all divisions each digit is used four times for training,
twice for calibration and four times for the test. The published mean and deviation of the pixels are here too.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sanreid.data import images, index
from sanreid.data.mnist import CLASSES
from sanreid.runtime import rng

MEAN, STD = 0.1307, 0.3081  # of MNIST's training pixels in [0, 1]
SIDE = 28
SEEN = "seen"
DIVISIONS = (SEEN, *(f"d{k}" for k in range(CLASSES)))
TRAINED, CALIBRATED = 4, 2  # numbers of digits in a division other than `seen`; the other four are for the test


class Digits(NamedTuple):
    """Images (N, 1, 28, 28) uint8, labels (N,) int64 in 0..9, and tested (N,) bool: of the publisher's test files."""

    images: Tensor
    labels: Tensor
    tested: Tensor

    def at(self, rows: Tensor) -> "Digits":
        """The digits of these rows, given as numbers or as a mask."""
        return Digits(*(part[rows] for part in self))


class Division(NamedTuple):
    """The digits for training, for calibrating thresholds, and for the test stream."""

    train: tuple[int, ...]
    calibrate: tuple[int, ...]
    find: tuple[int, ...]


class Rows(NamedTuple):
    """Numbers of images (n,) int64 for each purpose, ascending; no image has two."""

    train: Tensor
    calibrate: Tensor
    find: Tensor


def read(folder: Path) -> Digits:
    """All digits of the table in `folder` (extract_mnist's), in its order.

    Raises ValueError where a picture is not 28 x 28, a label is no digit or a split is not the publisher's.
    """
    folder = Path(folder)
    table = index.read(folder)
    where = index.Rows(folder / index.NAME)
    index.refuse(table, ~table["split"].isin(["train", "test"]), where, "is neither of split train nor of test")
    index.refuse(table, table["pid"] >= CLASSES, where, "is no digit; pid must be 0 to 9")
    store = np.empty((len(table), 1, SIDE, SIDE), np.uint8)
    for row, name in enumerate(table["path"]):
        picture = images.read_grey(folder / name)
        if picture.shape != (SIDE, SIDE):
            found = f"{picture.shape[1]} x {picture.shape[0]}"
            raise ValueError(f"{folder / name}: {found}, not 28 x 28 pixels; run extract_mnist again")
        store[row, 0] = picture
    tested = torch.from_numpy((table["split"] == "test").to_numpy(copy=True))
    return Digits(torch.from_numpy(store), torch.from_numpy(table["pid"].to_numpy("int64", copy=True)), tested)


def normalise(images: Tensor) -> Tensor:
    """uint8 (N, 1, H, W) -> float32 by MNIST's mean and deviation."""
    return images.float().mul_(1 / (255 * STD)).sub_(MEAN / STD)


def divide(name: str, seed: int) -> Division:
    """The digits of division `name` (`seen`, `d0` .. `d9`); `seed` decides the cyclic order of the digits.

    Raises ValueError that lists the divisions.
    """
    if name not in DIVISIONS:
        raise ValueError(f"division: no '{name}'; there are {', '.join(DIVISIONS)}")
    if name == SEEN:
        return Division(*[tuple(range(CLASSES))] * 3)
    circle = np.roll(rng(seed, "divisions").permutation(CLASSES), -int(name[1:])).tolist()
    end = TRAINED + CALIBRATED
    return Division(*(tuple(sorted(part)) for part in (circle[:TRAINED], circle[TRAINED:end], circle[end:])))


def rows(digits: Digits, name: str, seed: int, held_out: float) -> Rows:
    """The images of division `name`.

    `seen`: a random fraction `held_out` of each digit's training files is for calibration, the test files for the test.
    Others: the training files of the training digits, and all images of the other digits.
    Raises ValueError if a part has no image of one of its digits.
    """
    division = divide(name, seed)
    labels, files = digits.labels.numpy(), ~digits.tested.numpy()
    member = {part: np.isin(labels, wanted) for part, wanted in division._asdict().items()}
    if name == SEEN:
        held = np.zeros(len(labels), bool)
        for digit in division.calibrate:
            mine = np.flatnonzero(files & (labels == digit))
            held[rng(seed, "held out", digit).permutation(mine)[: round(held_out * len(mine))]] = True
        member = {"train": files & ~held, "calibrate": held, "find": ~files}
    else:
        member["train"] &= files
    for part, wanted in division._asdict().items():
        if lost := set(wanted) - set(labels[member[part]].tolist()):
            raise ValueError(f"division {name}: no image of {sorted(lost)} to {part}; are there too few digits?")
    return Rows(**{part: torch.from_numpy(np.flatnonzero(mask)) for part, mask in member.items()})
