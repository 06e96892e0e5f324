"""Batch samplers: P people x K images each, or plain shuffled batches.

Decisions: an epoch is a pure function of (seed, epoch), so that a resumed run has the same batches as an uninterrupted
one. Every image is equally likely in every epoch. (Common P x K samplers drop the rest of a person's images, and the
people left at the end, so that an image of a person with 7 images is drawn less often than one of a person with 8.)
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sanreid.runtime import rng


class PKSampler:
    """Batches of `people` persons x `images` images of each, a person's images next to each other.

    `pids` (N,) are the labels of the images in the table's order. An epoch has max(1, N // (people * images)) batches,
    so that each image is drawn about once. The probability of a person to be in a batch is proportional to its number
    of images (but at most 1). A person's images are taken in shuffled order until all were used: no image is twice in a
    batch, unless the person has fewer than K. Raises ValueError naming the key if there are fewer persons than
    `people`.
    """

    def __init__(self, pids: Sequence[int] | np.ndarray | Tensor, people: int, images: int) -> None:
        labels = np.asarray(pids)
        order = np.argsort(labels, kind="stable")
        _, starts = np.unique(labels[order], return_index=True)
        self.members = np.split(order, starts[1:])  # image numbers of each person
        if min(people, images) < 1 or len(self.members) < people:
            raise ValueError(
                f"people: {people} persons x images: {images} a batch cannot be drawn from {len(self.members)} "
                "persons; lower `people`"
            )
        self.people, self.images = people, images
        self.batches = max(1, len(labels) // (people * images))
        self.shares = _shares(np.array([len(m) for m in self.members], float), people)

    def __len__(self) -> int:
        """Batches of an epoch."""
        return self.batches

    def epoch(self, seed: int, epoch: int) -> list[Tensor]:
        """The epoch's batches, each (people * images,) int64 numbers of images."""
        random = rng(seed, "people x images", epoch)
        # systematic sampling: points one apart on the line of shares, from a random start, give each person the
        # floor or the ceiling of its share of places, and just as many places as there are
        order = random.permutation(len(self.members))
        ends = np.cumsum(self.shares[order]) * self.batches
        points = random.random() + np.arange(self.people * self.batches)
        persons = order[np.searchsorted(ends, points, side="right").clip(max=len(order) - 1)]
        hands = np.empty((len(persons), self.images), np.int64)
        for person in np.unique(persons):
            mine = np.flatnonzero(persons == person)
            hands[mine] = self._deal(self.members[person], len(mine), random)
        # a person's places follow one another: every batches-th place makes a batch of different persons
        table = hands.reshape(self.people, self.batches, self.images).swapaxes(0, 1)
        return [torch.from_numpy(random.permutation(table[b]).reshape(-1)) for b in random.permutation(self.batches)]

    def _deal(self, members: np.ndarray, hands: int, random: np.random.Generator) -> np.ndarray:
        """(hands, K) images, dealt like cards from the shuffled `members`.

        After a reshuffle, images that the current hand already has come last.
        """
        deck = members[:0]
        dealt = []
        for _ in range(hands):
            while len(deck) < self.images:
                fresh = random.permutation(members)
                held = np.isin(fresh, deck)
                deck = np.concatenate([deck, fresh[~held], fresh[held]])
            dealt.append(deck[: self.images])
            deck = deck[self.images :]
        return np.stack(dealt)


def shuffled(n: int, batch: int, seed: int, epoch: int) -> list[Tensor]:
    """0..n-1 in shuffled batches; an incomplete last batch is left out unless it is the only one.

    A pure function of its arguments; each image is left out equally often.
    """
    if min(n, batch) < 1:
        raise ValueError(f"batch: {batch} images a batch cannot be drawn from {n} images")
    order = torch.from_numpy(rng(seed, "shuffled", epoch).permutation(n))
    return [order] if n < batch else list(order[: n - n % batch].split(batch))


def _shares(images: np.ndarray, people: int) -> np.ndarray:
    """A person's expected places in a batch: proportional to its images, at most 1, `people` in all."""
    shares = images * people / images.sum()
    while (shares > 1 + 1e-9).any():
        full = shares >= 1
        shares = np.where(full, 1.0, images * (people - full.sum()) / images[~full].sum())
    return shares.clip(max=1.0)
