"""The two-branch network's step: L = weight * (triplet + ID of the average branch + both of the max branch).

Decisions: a variant has the settings that the report's ablations change: triplet sampling, margin, whether the ID
losses are used. Held-out people are ranked after each epoch by `measure_validation`, which the stage passes in, because
training/ may not import evaluation/; training stops when their mAP stops improving.
"""

from collections.abc import Callable

from torch import Tensor, nn

from sanreid.bounds import Margin, Name, NotAll, OnWeight
from sanreid.losses import cross_entropy
from sanreid.models.reid import Architecture
from sanreid.models.two_branch import TwoBranch, TwoBranchOutput
from sanreid.params import Section
from sanreid.training import reid
from sanreid.training.error_context import in_section
from sanreid.training.holdout import Holdout
from sanreid.training.triplet_mining import Batches, Sampling, TripletMining

VALIDATION = "validation_mAP"
SECTION = "train_two_branch"


class Variant(Section):
    """What the report's ablations change; the margin is of squared euclidean distances."""

    sampling: Sampling
    margin: Margin
    id_loss: bool


class Recipe(reid.Recipe):
    """How every variant is trained."""

    network: Architecture
    weight: OnWeight
    label_smoothing: NotAll
    batches: Batches
    validation: Holdout


class Plan(Recipe):
    """Section `train_two_branch`: the recipe and the variants by name."""

    variants: dict[Name, Variant]

    def variant(self, name: str) -> Variant:
        """The variant of that name; ValueError where there is none."""
        if name not in self.variants:
            raise ValueError(f"{SECTION}.variants: no '{name}'; there are {', '.join(self.variants)}")
        return self.variants[name]


class Step(reid.Step):
    """One training step; `measure_validation(model)` returns the mAP on the held-out people."""

    validation = (VALIDATION,)

    def __init__(
        self,
        model: TwoBranch,
        people: reid.People,
        recipe: Recipe,
        variant: Variant,
        measure_validation: Callable[[nn.Module], float],
    ) -> None:
        names = ("triplet_average", "triplet_max", *(("id_average", "id_max") if variant.id_loss else ()))
        super().__init__(model, people, recipe, dict.fromkeys(names, recipe.weight))
        self.smoothing, self.measure_validation = recipe.label_smoothing, measure_validation
        with in_section(f"{SECTION}.batches"):
            self.triplets = TripletMining(people.labels, variant.sampling, recipe.batches, variant.margin, squared=True)

    def batches(self, seed: int, epoch: int) -> list[Tensor]:
        """Batches of image numbers by the variant's sampling."""
        return self.triplets.epoch(seed, epoch)

    def measure(self, out: TwoBranchOutput, labels: Tensor) -> dict[str, Tensor]:
        """The losses of both branches."""
        terms = {}
        for name, branch in (("average", out.average), ("max", out.max)):
            terms[f"triplet_{name}"] = self.triplets.loss(branch.feature, labels)
            if f"id_{name}" in self.terms:
                terms[f"id_{name}"] = cross_entropy.smoothed(branch.logits, labels, self.smoothing)
        return terms

    def validate(self) -> dict[str, float]:
        """The held-out people's mAP."""
        return {VALIDATION: self.measure_validation(self.model)}
