"""Artificial classes for the Siamese network: rotated digits, and digits composed of two halves.

A network trained on four digits only learns the differences between those four, and not what new digits would need;
more classes help. Rotated classes are common on Omniglot (Santoro et al. 2016; Vinyals et al. 2016); halves are ours.
Each pair of digits gives two classes: the left half of the first with the right half of the second, and vice versa.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from sanreid.bounds import Each
from sanreid.data.digits import SIDE, Digits
from sanreid.data.mnist import CLASSES
from sanreid.params import Section
from sanreid.runtime import rng

Turn = Annotated[int, Field(ge=90, le=270, multiple_of=90)]


class Invented(Section):
    """The artificial classes to add; none without turns and halves."""

    turns: Each[Turn]  # degrees, counterclockwise; each makes a further class of every digit
    halves: Annotated[int, Field(ge=0, le=100_000)]  # images at most of each class of two halves


def add(digits: Digits, p: Invented, seed: int) -> Digits:
    """`digits` (N) followed by the artificial images that `p` asks for, with labels from 10 on.

    `seed` decides which halves are combined.
    """
    parts = [(digits.images, digits.labels), *_turned(digits, p.turns), *_halves(digits, p.halves, seed)]
    images, labels = (torch.cat(part) for part in zip(*parts, strict=True))
    tested = torch.zeros(len(labels), dtype=torch.bool)
    tested[: len(digits.tested)] = digits.tested
    return Digits(images, labels, tested)


def _turned(digits: Digits, turns: Iterable[int]) -> Iterator[tuple[Tensor, Tensor]]:
    for degrees in sorted(set(turns)):
        quarters = degrees // 90
        yield torch.rot90(digits.images, quarters, (2, 3)), digits.labels + CLASSES * quarters


def _halves(digits: Digits, most: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    known = digits.labels.unique().tolist() if most else []
    for left, right in ((a, b) for a in known for b in known if a != b):
        random = rng(seed, "halves", left, right)
        rows = [random.permutation((digits.labels == digit).nonzero()[:, 0].numpy())[:most] for digit in (left, right)]
        count = min(map(len, rows))
        first, second = (digits.images[torch.from_numpy(mine[:count])] for mine in rows)
        images = torch.cat([first[..., : SIDE // 2], second[..., SIDE // 2 :]], 3)
        yield images, torch.full((count,), CLASSES * (4 + left) + right)
