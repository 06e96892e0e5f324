"""The two-head network's step: a triplet loss on one head, a weighted cross entropy on the other (ROB313).

Decision: which head gets which loss is the network's `crossed`; L = triplet + 2 * ID as published.
"""

from torch import Tensor

from sanreid.bounds import Margin, NotAll, Weight
from sanreid.losses import cross_entropy
from sanreid.models.two_head import Architecture, TwoHead, TwoHeadOutput
from sanreid.params import Section
from sanreid.training import reid
from sanreid.training.error_context import in_section
from sanreid.training.triplet_mining import Batches, Sampling, TripletMining


class Losses(Section):
    """The weights of the losses and their constants; `squared`: whether the margin is of squared distances."""

    triplet: Weight
    id: Weight
    margin: Margin
    squared: bool
    label_smoothing: NotAll


class Recipe(reid.Recipe):
    """Section `train_two_head`."""

    network: Architecture
    sampling: Sampling
    batches: Batches
    losses: Losses


class Step(reid.Step):
    """One update of the two-head network."""

    def __init__(self, model: TwoHead, people: reid.People, recipe: Recipe) -> None:
        self.losses = recipe.losses
        super().__init__(model, people, recipe, {"triplet": self.losses.triplet, "id": self.losses.id})
        with in_section("train_two_head.batches"):
            self.triplets = TripletMining(
                people.labels, recipe.sampling, recipe.batches, self.losses.margin, self.losses.squared
            )

    def batches(self, seed: int, epoch: int) -> list[Tensor]:
        """Batches of image numbers by the section's sampling."""
        return self.triplets.epoch(seed, epoch)

    def measure(self, out: TwoHeadOutput, labels: Tensor) -> dict[str, Tensor]:
        """Both losses."""
        return {
            "triplet": self.triplets.loss(out.triplet, labels),
            "id": cross_entropy.smoothed(out.logits, labels, self.losses.label_smoothing),
        }
