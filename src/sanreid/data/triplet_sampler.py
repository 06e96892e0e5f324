"""Random triplets from the whole data set: an anchor, another image of its person, an image of another person.

Decisions: every image is an anchor once per epoch; its positive and negative are random, the negative uniform over all
images of other people. An epoch is a pure function of (seed, epoch), as in samplers.py.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sanreid.runtime import rng


class TripletSampler:
    """Batches of `batch` triplets of images of `pids` (N,): first the anchors, then their positives, their negatives.

    The only image of a person is its own positive. The incomplete last batch is left out unless it is the only one.
    Raises ValueError naming the key where there are fewer than two persons, or batch is below 1.
    """

    def __init__(self, pids: Sequence[int] | np.ndarray | Tensor, batch: int) -> None:
        labels = np.asarray(pids)
        self.order = np.argsort(labels, kind="stable")  # a person's images next to each other
        _, starts, counts = np.unique(labels[self.order], return_index=True, return_counts=True)
        if batch < 1 or len(starts) < 2:
            raise ValueError(f"batch: {batch} triplets cannot be drawn from {len(starts)} persons; two are the least")
        self.batch = batch
        self.start, self.count = (np.repeat(values, counts) for values in (starts, counts))  # of each place in order

    def epoch(self, seed: int, epoch: int) -> list[Tensor]:
        """The epoch's batches, each (3 * batch,) int64 numbers of images."""
        random = rng(seed, "triplets", epoch)
        places = random.permutation(len(self.order))
        start, count = self.start[places], self.count[places]
        step = 1 + (random.random(len(places)) * (count - 1)).astype(np.int64)  # 1 .. count-1 places further on
        positive = start + (places - start + step) % count
        other = (random.random(len(places)) * (len(places) - count)).astype(np.int64)
        negative = other + count * (other >= start)
        triples = torch.from_numpy(self.order[np.stack([places, positive, negative])])
        whole = max(1, len(places) // self.batch) * self.batch
        return [part.reshape(-1) for part in triples[:, :whole].split(self.batch, 1)]
