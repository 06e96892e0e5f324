"""Triplet mining: random triplets from the data set, or P x K batches and the hardest triplets of each.

Decision: batches and loss are in one object, because the loss for random triplets depends on the batch's order: first
the anchors, then the positives, then the negatives.
"""

from typing import Literal

from torch import Tensor

from sanreid.bounds import Batch, PerBatch
from sanreid.data.samplers import PKSampler
from sanreid.data.triplet_sampler import TripletSampler
from sanreid.losses import squared_triplet, triplet
from sanreid.params import Section

Sampling = Literal["random", "batch_hard"]


class Batches(Section):
    """`triplets` a batch of sampling `random`, P = `people` x K = `images` of sampling `batch_hard`."""

    triplets: Batch
    people: PerBatch
    images: PerBatch


class TripletMining:
    """The batches of training images with `labels` (N,), and the loss of a batch's features."""

    def __init__(self, labels: Tensor, sampling: Sampling, batches: Batches, margin: float, squared: bool) -> None:
        self.random, self.margin, self.squared = sampling == "random", margin, squared
        if self.random:
            self.sampler = TripletSampler(labels, batches.triplets)
        else:
            self.sampler = PKSampler(labels, batches.people, batches.images)

    def epoch(self, seed: int, epoch: int) -> list[Tensor]:
        """The epoch's batches of image numbers."""
        return self.sampler.epoch(seed, epoch)

    def loss(self, features: Tensor, labels: Tensor) -> Tensor:
        """The triplet loss of a batch's features (N, D) and labels (N,)."""
        if not self.random:
            hard = squared_triplet.batch_hard if self.squared else triplet.batch_hard
            return hard(features, labels, self.margin)
        anchors, positives, negatives = features.chunk(3)
        if self.squared:
            return squared_triplet.drawn(anchors, positives, negatives, self.margin)
        same, other = ((anchors - x).float().norm(dim=1) for x in (positives, negatives))
        return triplet.hinge(same, other, self.margin)
