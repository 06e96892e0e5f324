"""The strong baseline's training step: batch-hard triplet before the neck, smoothed ID loss after it (Luo et al. 2019).

Decision: without the authors' centre loss, whose gain they call small, and which most users of the baseline leave out.
Warm-up, random erasing, label smoothing and the last stride are parameters.
"""

from torch import Tensor

from sanreid.bounds import Margin, NotAll, PerBatch, Weight
from sanreid.data import samplers
from sanreid.losses import cross_entropy, triplet
from sanreid.models.reid import Architecture
from sanreid.models.strong import Strong, StrongOutput
from sanreid.params import Section
from sanreid.training import reid
from sanreid.training.error_context import in_section


class Losses(Section):
    """The constants of the losses, and their weights; 0 turns one off."""

    id: Weight
    triplet: Weight
    label_smoothing: NotAll
    margin: Margin


class Recipe(reid.Recipe):
    """Section `train_strong`."""

    network: Architecture
    people: PerBatch
    images: PerBatch
    losses: Losses


class Step(reid.Step):
    """One update of the strong baseline."""

    def __init__(self, model: Strong, people: reid.People, recipe: Recipe) -> None:
        weights = {"id": recipe.losses.id, "triplet": recipe.losses.triplet}
        super().__init__(model, people, recipe, weights)
        self.losses = recipe.losses
        with in_section("train_strong"):
            self.sampler = samplers.PKSampler(people.labels, recipe.people, recipe.images)

    def batches(self, seed: int, epoch: int) -> list[Tensor]:
        """P x K batches of image numbers."""
        return self.sampler.epoch(seed, epoch)

    def measure(self, out: StrongOutput, labels: Tensor) -> dict[str, Tensor]:
        """Both losses."""
        c = self.losses
        return {
            "id": cross_entropy.smoothed(out.logits, labels, c.label_smoothing),
            "triplet": triplet.batch_hard(out.pooled, labels, c.margin),
        }
