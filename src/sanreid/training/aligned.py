"""AlignedReID's training step for n networks that learn from one another (Zhang et al. 2017, sections 3.2 and 3.3).

Decisions: all networks see the same batch in one process; each has its own backward pass and optimizer, because no loss
of one network has gradients in another. A loss of weight 0 is neither computed nor recorded in the history, whose
columns are means over the networks. (Published reproductions use one process or thread per network.)
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import torch
import torch.nn.functional as F
from pydantic import model_validator
from torch import Tensor

from sanreid import process_group
from sanreid.bounds import Margin, Networks, NotAll, PerBatch, Weight
from sanreid.data import samplers, tensors
from sanreid.losses import cross_entropy, local_triplet, mutual, stripe_distance, triplet
from sanreid.models import aligned as network
from sanreid.params import Section
from sanreid.training import distributed, loop, optim, reid
from sanreid.training.error_context import in_section

MUTUAL = ("mutual_id", "mutual_global", "mutual_local")
TERMS = ("id", "global_triplet", "local_triplet", *MUTUAL)


class Weights(Section):
    """The weights of the six losses; 0 turns one off."""

    id: Weight
    global_triplet: Weight
    local_triplet: Weight
    mutual_id: Weight
    mutual_global: Weight
    mutual_local: Weight

    def on(self, terms: tuple[str, ...] = TERMS) -> tuple[str, ...]:
        """Those of `terms` whose weight is not 0."""
        return tuple(t for t in terms if getattr(self, t) > 0)


class Losses(Section):
    """The constants of the losses, and the distance by which the local loss's hardest samples are found."""

    label_smoothing: NotAll
    global_margin: Margin
    local_margin: Margin
    normalise: bool
    local_samples: Literal["global", "own"]


class Plan(reid.Recipe):
    """Section `train_aligned`."""

    network: network.Architecture
    networks: Networks
    people: PerBatch
    images: PerBatch
    weights: Weights
    losses: Losses

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        together = self.weights.on(MUTUAL)
        if len(together) == len(self.weights.on()):
            raise ValueError("weights: no network would learn who is who: turn on id, global_triplet or local_triplet")
        if together and self.networks == 1:
            raise ValueError(f"networks: 1 has nobody to learn from; set {', '.join(together)} to 0, or more networks")
        if self.weights.mutual_local and self.losses.local_samples == "global":
            raise ValueError("weights.mutual_local: needs all local distances; set losses.local_samples: own")
        return self


def check(plan: Plan, labels: Tensor, section: str) -> None:
    """ValueError naming the key if the plan is impossible with training images of these `labels` (N,)."""
    reid.check(plan, section)
    with in_section(section):
        samplers.PKSampler(labels, plan.people, plan.images)


def start(cohort: network.Cohort, plan: Plan, folder: Path) -> reid.Start:
    """Load the starting weights of all networks, as `reid.start`; the reports of the others are under `peers`."""
    first, *others = [reid.start(each, plan.network, folder) for each in cohort.networks]
    report: dict[str, Any] = {"peers": [o.report for o in others], **first.report}
    if "untouched" in report:  # the first network contains the others, which have their own reports
        report["untouched"] = [name for name in report["untouched"] if not name.startswith(network.PEERS)]
    return first._replace(report=report)


class Step:
    """One update of all networks of the cohort `model` on `people`."""

    validation: tuple[str, ...] = ()

    def __init__(self, model: network.Cohort, people: reid.People, plan: Plan) -> None:
        self.model, self.plan = model, plan
        self.device = next(model.parameters()).device
        self.people = people.to(self.device)
        self.sampler = samplers.PKSampler(people.labels, plan.people, plan.images)
        self.terms = plan.weights.on()
        self.forwards = [loop.compiled(each.forward, plan.compute) for each in model.networks]
        self.optimisations = {
            f"network{k}": optim.Optimisation(network.own(each), plan.optimiser, plan.epochs)
            for k, each in enumerate(model.networks, 1)
        }

    def batches(self, seed: int, epoch: int) -> list[Tensor]:
        """P x K batches of image numbers."""
        return self.sampler.epoch(seed, epoch)

    def __call__(self, batch: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """One batch; returns the unweighted terms, each the mean over the networks."""
        own, batch = process_group.share(batch), tensors.send(batch, self.device)
        images, _ = self.plan.augment(tensors.take(self.people.images, own, self.device), None, generator)
        with loop.autocast(self.plan.compute, self.device):
            outputs = [forward(images) for forward in self.forwards]
        each = self._losses(distributed.gather(outputs), self.people.labels[batch])
        for which, terms in zip(self.optimisations, each, strict=True):
            self._update(which, terms)
        return {name: torch.stack([terms[name].detach() for terms in each]).mean() for name in self.terms}

    def validate(self) -> dict[str, float]:
        """Nothing: validation people are measured by evaluate_system, as test people are."""
        return {}

    def _losses(self, outputs: list[network.AlignedOutput], labels: Tensor) -> list[Mapping[str, Tensor]]:
        """The terms of each network that are on, in the order of `terms`."""
        w, c = self.plan.weights, self.plan.losses
        distances = [triplet.pairwise(F.normalize(o.feature.float()) if c.normalise else o.feature) for o in outputs]
        local = [stripe_distance.all_pairs(o.stripes, o.stripes) for o in outputs] if self._mines else []
        terms: dict[str, list[Tensor]] = {}
        if w.id:
            terms["id"] = [cross_entropy.smoothed(o.logits, labels, c.label_smoothing) for o in outputs]
        if w.global_triplet:
            terms["global_triplet"] = [triplet.on_distances(d, labels, c.global_margin) for d in distances]
        if w.local_triplet and self._mines:
            terms["local_triplet"] = [triplet.on_distances(d, labels, c.local_margin) for d in local]
        elif w.local_triplet:
            terms["local_triplet"] = [
                local_triplet.on_samples(o.stripes, triplet.hardest(d, labels), c.local_margin)
                for o, d in zip(outputs, distances, strict=True)
            ]
        if w.mutual_id:
            terms["mutual_id"] = mutual.divergence([o.logits for o in outputs])
        if w.mutual_global:
            terms["mutual_global"] = mutual.squared(distances)
        if w.mutual_local:
            terms["mutual_local"] = mutual.squared(local)
        return [dict(zip(terms, values, strict=True)) for values in zip(*terms.values(), strict=True)]

    def _update(self, which: str, terms: Mapping[str, Tensor]) -> None:
        """Backward of a network's weighted sum, and a step of its optimizer."""
        optimisation = self.optimisations[which]
        optimisation.zero_grad()
        torch.stack([getattr(self.plan.weights, name) * value for name, value in terms.items()]).sum().backward()
        optimisation.step()

    @property
    def _mines(self) -> bool:
        """Whether the local distances of all pairs of the batch are needed."""
        on = self.plan.weights.on(("local_triplet", "mutual_local"))
        return self.plan.losses.local_samples == "own" and bool(on)
