"""SAN's training step: ID, triplet, reconstruction, Triplet ReID constraints, each weighted (Jin et al. 2020).

Decisions: a loss of weight 0 is neither computed nor recorded in the history. Schedule `joint`: one forward pass, one
backward pass of the weighted sum, one optimizer. Schedule `alternating` is the released code's: a re-ID step on encoder
and head, then a texture step on trunk and decoder, head frozen, with an optimizer of its own. The released code does a
second backward pass through the first forward pass, which today's PyTorch refuses after a weight update; so there is a
second forward pass here, with the updated weights.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Self

import torch
from pydantic import model_validator
from torch import Tensor

from sanreid import process_group, runtime
from sanreid.bounds import Epochs, Margin, Name, NotAll, PerBatch, Weight
from sanreid.data import augment, samplers, tensors
from sanreid.losses import cross_entropy, reconstruction, texture_triplet, triplet
from sanreid.models import san
from sanreid.models.decoder import DecoderOutput
from sanreid.params import Section
from sanreid.training import checkpoint, distributed, loop, optim, san_start
from sanreid.training.error_context import in_section
from sanreid.training.parameter_prefixes import DECODER, TRUNK

REID, TEXTURE = ("id", "triplet"), ("reconstruction", "texture_triplet")


class Weights(Section):
    """The weights of the four losses; 0 turns one off."""

    id: Weight
    triplet: Weight
    reconstruction: Weight
    texture_triplet: Weight

    def on(self, terms: tuple[str, ...]) -> tuple[str, ...]:
        """Those of `terms` whose weight is not 0."""
        return tuple(t for t in terms if getattr(self, t) > 0)


class Variant(Section):
    """The settings that differ between the rows of an ablation table."""

    initialise: Literal["scratch", "encoder", "both"]
    reconstruct: Literal["nothing", "input", "frontal", "texture", "shared_texture", "true_texture"]
    weights: Weights
    texture_triplet_scheme: Literal["paper", "batch"]

    @property
    def decodes(self) -> bool:
        """Whether any loss needs the decoder; none is built otherwise."""
        return bool(self.weights.on(TEXTURE))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.weights.on(REID + TEXTURE):
            raise ValueError("weights: all are 0, so nothing would be trained")
        if self.initialise == "both" and not self.decodes:
            raise ValueError("initialise: 'both' without a decoder loss: there is no decoder; name 'encoder'")
        if self.decodes == (self.reconstruct == "nothing"):
            on = "is" if self.decodes else "is not"
            raise ValueError(f"reconstruct: '{self.reconstruct}' while a decoder loss {on} on; the two go together")
        return self


class Losses(Section):
    """The constants of the losses."""

    label_smoothing: NotAll
    triplet_margin: Margin
    texture_triplet_margin: Margin


class Recipe(Section):
    """How every variant is trained."""

    epochs: Epochs
    people: PerBatch
    images: PerBatch
    schedule: Literal["joint", "alternating"]
    losses: Losses
    optimiser: optim.Optimiser
    texture_optimiser: optim.Optimiser
    augment: augment.Augment
    compute: loop.Compute

    @model_validator(mode="after")
    def _one_clock(self) -> Self:
        if optim.extra_epochs(self.texture_optimiser):
            raise ValueError("texture_optimiser.warm_up.kind: 'published' adds epochs, which the main one's decide")
        return self


class Plan(Recipe):
    """Section `train_san`: the recipe that all variants share, its pictures, and the variants by name."""

    pictures: loop.Pictures
    variants: dict[Name, Variant]

    def variant(self, name: str) -> Variant:
        """The variant of that name; ValueError where there is none."""
        if name not in self.variants:
            raise ValueError(f"train_san.variants: no '{name}'; there are {', '.join(self.variants)}")
        return self.variants[name]


def check(recipe: Recipe, variant: Variant, labels: Tensor, mirror: Tensor | None, section: str) -> None:
    """ValueError naming the key if the recipe is impossible with training images of these `labels` (N,)."""
    optim.check(recipe.optimiser, recipe.epochs, f"{section}.optimiser")
    optim.check(recipe.texture_optimiser, recipe.epochs, f"{section}.texture_optimiser")
    with in_section(section):
        samplers.PKSampler(labels, recipe.people, recipe.images)
    with in_section(f"{section}.augment"):
        recipe.augment.check(mirror, variant.decodes)


class People(NamedTuple):
    """Images (N, 3, H, W) and pseudo textures (N, 3, T, T) or None, uint8; labels (N,) int64 in 0..people-1."""

    images: Tensor
    textures: Tensor | None
    labels: Tensor


def build(arch: san.Architecture, variant: Variant, people: int, weights: Path) -> tuple[san.SAN, Mapping]:
    """The network with the starting weights of `variant`, and the report for load_report.json.

    `weights` is SAN-PG's file. Raises ValueError with the report if anything asked for did not fit.
    """
    if variant.initialise == "scratch":
        return san_start.begin(arch, people, variant.decodes)
    model = san.SAN(arch, people, variant.decodes)
    asked = TRUNK + DECODER if variant.initialise == "both" else TRUNK
    report = checkpoint.load_into(model, weights, only=asked, strict=True)
    runtime.log.info("%s", report)
    return model, {"initialise": variant.initialise, **report.as_dict(), **checkpoint.before(weights.parent)}


class Step:
    """One training step of SAN by the schedule of `recipe`."""

    validation: tuple[str, ...] = ()

    def __init__(
        self,
        model: san.SAN,
        people: People,
        recipe: Recipe,
        variant: Variant,
        mirror: Tensor | None = None,
    ) -> None:
        if variant.decodes and people.textures is None:
            raise ValueError("weights: a decoder loss is on but no textures are given")
        self.model, self.recipe, self.variant = model, recipe, variant
        self.forward = loop.compiled(model.forward, recipe.compute)
        self.reconstruct = loop.compiled(model.reconstruct, recipe.compute)
        self.sampler = samplers.PKSampler(people.labels, recipe.people, recipe.images)
        self.device = next(model.parameters()).device
        self.mirror = None if mirror is None else mirror.to(self.device)
        self.images, self.labels = tensors.keep(people.images, self.device), people.labels.to(self.device)
        textures = people.textures if variant.decodes else None
        self.textures = None if textures is None else tensors.keep(textures, self.device)
        self.terms = variant.weights.on(REID + TEXTURE)
        named = list(model.named_parameters())
        if recipe.schedule == "joint":
            groups = {"main": ([p for _, p in named], recipe.optimiser)}
        else:
            groups = {"main": ([p for n, p in named if not n.startswith(DECODER)], recipe.optimiser)}
            if variant.decodes:
                textural = [p for n, p in named if n.startswith(TRUNK + DECODER)]
                groups["texture"] = (textural, recipe.texture_optimiser)
        self.optimisations = {k: optim.Optimisation(ps, o, recipe.epochs) for k, (ps, o) in groups.items()}

    def batches(self, seed: int, epoch: int) -> list[Tensor]:
        """P x K batches of image numbers, a person's images next to each other."""
        return self.sampler.epoch(seed, epoch)

    def __call__(self, batch: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """One batch by the schedule; returns the unweighted terms."""
        own, labels = process_group.share(batch), self.labels[tensors.send(batch, self.device)]
        textures = None if self.textures is None else tensors.take(self.textures, own, self.device)
        images = tensors.take(self.images, own, self.device)
        images, target = self.recipe.augment(images, textures, generator, self.mirror)
        if self.recipe.schedule == "joint":
            with loop.autocast(self.recipe.compute, self.device):
                out = self.forward(images)
            terms = self._reid(out, labels)
            if out.decoded is not None and target is not None:
                terms |= self._textural(out.decoded, target, labels)
            self._update("main", terms)
        else:
            terms = {}
            if self.variant.weights.on(REID):
                with loop.autocast(self.recipe.compute, self.device):
                    out = self.forward(images, texture=False)
                terms = self._reid(out, labels)
                self._update("main", terms)
            if target is not None:
                with loop.autocast(self.recipe.compute, self.device):
                    decoded = self.reconstruct(images)  # again: the weights have just changed
                textural = self._textural(decoded, target, labels)
                self._update("texture", textural)
                terms |= textural
        return {name: value.detach() for name, value in terms.items()}

    def validate(self) -> dict[str, float]:
        """Nothing: validation people are measured by evaluate_san, as test people are."""
        return {}

    def _reid(self, out: san.SANOutput, labels: Tensor) -> dict[str, Tensor]:
        """The terms on logits and feature that are on."""
        w, c = self.variant.weights, self.recipe.losses
        terms = {}
        if w.id:
            terms["id"] = cross_entropy.smoothed(distributed.gather(out.logits), labels, c.label_smoothing)
        if w.triplet:
            terms["triplet"] = triplet.batch_hard(distributed.gather(out.feature), labels, c.triplet_margin)
        return terms

    def _textural(self, decoded: DecoderOutput, target: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The terms on the decoder's output that are on."""
        w, r = self.variant.weights, self.recipe
        terms = {}
        if w.reconstruction:
            terms["reconstruction"] = distributed.mean(reconstruction.l1(decoded.texture, target))
        if w.texture_triplet:
            margin = r.losses.texture_triplet_margin
            maps = distributed.gather((decoded.x1, decoded.x2, decoded.x3, decoded.x4))
            if self.variant.texture_triplet_scheme == "paper":
                terms["texture_triplet"] = texture_triplet.paper(maps, r.people, r.images, margin)
            else:
                terms["texture_triplet"] = texture_triplet.batch(maps, labels, margin)
        return terms

    def _update(self, which: str, terms: Mapping[str, Tensor]) -> None:
        """Backward of the weighted sum, and one step of that optimizer."""
        optimisation = self.optimisations[which]
        optimisation.zero_grad()
        torch.stack([getattr(self.variant.weights, name) * value for name, value in terms.items()]).sum().backward()
        optimisation.step()
