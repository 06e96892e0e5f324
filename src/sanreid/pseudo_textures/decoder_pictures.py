"""Pictures of a decoder's progress in training: image | decoded | target, for a few people of each split.

Decisions: the last epoch always has pictures. The people are chosen by the run's seed, one image each, and stay the
same, so that the pictures of different epochs can be compared. The network is in eval mode and no random number is
drawn, so that results are the same with and without pictures. The files are in the run's checkpoint folder until its
model folder is written, so that a resumed run still has the earlier ones.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from sanreid import runtime
from sanreid.data import images as files
from sanreid.models import san
from sanreid.pseudo_textures import generate

FOLDER = "pictures"  # in the checkpoint's folder and in the model's


class Shown(NamedTuple):
    """The images (N, 3, H, W) in a split's picture, and their target textures (N, 3, T, T), uint8."""

    images: Tensor
    targets: Tensor


class Progress:
    """Called by the loop at an epoch's end: pictures/<split>_epoch<NNN>.jpg every `every` epochs, and at the last."""

    def __init__(self, model: san.SAN, splits: Mapping[str, Shown], every: int, epochs: int) -> None:
        self.model, self.splits, self.every, self.epochs = model, splits, every, epochs

    def __call__(self, epoch: int, folder: Path) -> None:
        """Write the sheets of `epoch` (from 1, as in history.csv) below `folder`, if it is due."""
        if epoch != self.epochs and not (self.every and epoch % self.every == 0):
            return
        for split, shown in self.splits.items():
            (folder / FOLDER).mkdir(parents=True, exist_ok=True)
            decoded = np.stack(list(generate.predict(self.model, shown.images, len(shown.images))))
            sheet = generate.side_by_side(shown.images, decoded, shown.targets)
            files.write_rgb(folder / FOLDER / name(split, epoch), sheet)


def name(split: str, epoch: int) -> str:
    """The file of a split's sheet, epochs from 1."""
    return f"{split}_epoch{epoch:03d}.jpg"


def keep(run: Path, out: Path) -> None:
    """Copy the pictures of the checkpoint folder `run`, if it has any, into the model folder `out`."""
    if (run / FOLDER).is_dir():
        shutil.copytree(run / FOLDER, out / FOLDER)


def choose(pids: Sequence[int] | np.ndarray, people: int, seed: int, split: str) -> list[int]:
    """The rows of one image each of `people` persons of `pids` (N,), or of all where there are fewer; rising."""
    random = runtime.rng(seed, "pictures", split)
    labels = np.asarray(pids)
    persons = np.unique(labels)
    chosen = random.choice(persons, min(people, len(persons)), replace=False)
    return sorted(int(random.choice(np.flatnonzero(labels == pid))) for pid in chosen)
