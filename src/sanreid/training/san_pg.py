"""SAN-PG's training step: encoder trunk and texture decoder, L1 on paired images and textures (Jin et al. 2020, 3.1).

Decisions: the head (`fc`, `classifier`) is neither trained nor saved. Pixels stay bytes until they are in a batch. A
texture that many images share is held once. Texels that are hidden in an image can have a smaller weight
(`hidden_weight`; 1 as in the paper, which has no visibility maps).
"""

from pathlib import Path
from typing import NamedTuple, Self

import pandas as pd
import torch
from torch import Tensor

from sanreid import process_group
from sanreid.bounds import Epochs, OnWeight, PairsBatch, Share, Weight
from sanreid.data import augment, samplers, tensors
from sanreid.losses import reconstruction
from sanreid.models import san
from sanreid.params import Section
from sanreid.training import distributed, loop, optim
from sanreid.training.error_context import in_section
from sanreid.training.parameter_prefixes import DECODER, TRUNK

REMEDIES = {
    "visibility": "; hidden_weight 1.0 does without",
    "frontal": "; a pose-aligned picture a person is ours, of rendered sets: take generator 'frontal' out",
}
_LOOK = 64  # validation images at a time


class Weights(Section):
    """The weights of L1 (the paper's only loss, 1) and of structure (1 - SSIM); 0 turns structure off."""

    reconstruction: OnWeight
    structure: Weight


class Recipe(Section):
    """How SAN-PG is trained."""

    epochs: Epochs
    batch: PairsBatch
    weights: Weights
    hidden_weight: Share
    optimiser: optim.Optimiser
    augment: augment.Augment
    compute: loop.Compute


def check(recipe: Recipe, images: int, mirror: Tensor | None, section: str) -> None:
    """ValueError naming the key if the recipe is impossible with `images` training images."""
    optim.check(recipe.optimiser, recipe.epochs, f"{section}.optimiser")
    if images < recipe.batch:
        raise ValueError(f"{section}.batch: {recipe.batch} is more than the {images} training images; lower it")
    with in_section(f"{section}.augment"):
        recipe.augment.check(mirror, textures=True)


class Pairs(NamedTuple):
    """Images (N, 3, H, W), textures (M, 3, T, T), `texture_of` (N,) rows of textures, visibility (N, 1, T, T) or None.

    All uint8, visibility 255 where the image shows the texel.
    """

    images: Tensor
    textures: Tensor
    texture_of: Tensor
    visibility: Tensor | None

    def tensors(self) -> list[Tensor]:
        """Those that are not None."""
        return [t for t in self if t is not None]

    def to(self, device: torch.device) -> Self:
        """The same on `device`."""
        return self._replace(**{name: t.to(device) for name, t in self._asdict().items() if t is not None})


def read_pairs(
    folder: Path, table: pd.DataFrame, arch: san.Architecture, visibility: bool, target: str = "texture"
) -> Pairs:
    """Decode the files in `folder` named by `table` (columns path, visibility, and `target`: texture or frontal).

    Raises ValueError naming a column that is missing or has gaps.
    """
    for column in [target, "visibility"] if visibility else [target]:
        if column not in table or table[column].isna().any():
            raise ValueError(
                f"{folder}: column '{column}' of the table is absent or has gaps{REMEDIES.get(column, '')}"
            )
    rows, names = pd.factorize(table[target])
    side = (arch.texture, arch.texture)
    seen = None
    if visibility:
        seen = tensors.decode(folder, table["visibility"].tolist(), side)[:, :1].contiguous()
    return Pairs(
        tensors.decode(folder, table["path"].tolist(), arch.size),
        tensors.decode(folder, list(names), side),
        torch.from_numpy(rows),
        seen,
    )


class Step:
    """One update of SAN-PG; `held_out` pairs, if given, are measured at each epoch's end."""

    def __init__(
        self, model: san.SAN, pairs: Pairs, recipe: Recipe, mirror: Tensor | None = None, held_out: Pairs | None = None
    ) -> None:
        if recipe.hidden_weight < 1 and pairs.visibility is None:
            raise ValueError(f"hidden_weight: {recipe.hidden_weight} needs visibility maps; 1.0 does without")
        self.model, self.recipe = model, recipe
        self.terms = ("reconstruction", "structure") if recipe.weights.structure else ("reconstruction",)
        self.device = next(model.parameters()).device
        self.pairs = pairs.to(self.device)
        self.held_out = None if held_out is None else held_out.to(self.device)
        self.reconstruct = loop.compiled(model.reconstruct, recipe.compute)
        self.mirror = None if mirror is None else mirror.to(self.device)
        self.validation = () if held_out is None else ("validation_l1",)
        trained = [p for name, p in model.named_parameters() if name.startswith(TRUNK + DECODER)]
        self.optimisations = {"main": optim.Optimisation(trained, recipe.optimiser, recipe.epochs)}

    def batches(self, seed: int, epoch: int) -> list[Tensor]:
        """Shuffled batches of image numbers."""
        return samplers.shuffled(len(self.pairs.images), self.recipe.batch, seed, epoch)

    def __call__(self, batch: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """One forward, one backward, one update."""
        batch = process_group.share(tensors.send(batch, self.device))
        p, aug = self.pairs, self.recipe.augment
        draws = aug.draw(len(batch), (p.images.shape[2], p.images.shape[3]), generator)
        images = aug.apply(tensors.take(p.images, batch), draws)
        textures = tensors.take(p.textures, p.texture_of[batch])
        target = tensors.normalise_textures(aug.move(textures, draws, self.mirror))
        weight = None
        if self.recipe.hidden_weight < 1 and p.visibility is not None:
            seen = aug.move(tensors.take(p.visibility, batch), draws, self.mirror) > 127
            weight = torch.where(seen, 1.0, self.recipe.hidden_weight)
        with loop.autocast(self.recipe.compute, self.device):
            texture = self.reconstruct(images).texture
        l1 = reconstruction.l1(texture, target, weight)
        terms = {"reconstruction": distributed.mean(l1, None if weight is None else weight.sum())}
        loss = self.recipe.weights.reconstruction * terms["reconstruction"]
        if self.recipe.weights.structure:
            terms["structure"] = distributed.mean(reconstruction.structure(texture, target))
            loss = loss + self.recipe.weights.structure * terms["structure"]
        main = self.optimisations["main"]
        main.zero_grad()
        loss.backward()
        main.step()
        return {name: value.detach() for name, value in terms.items()}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Unweighted L1 over all texels of the held-out people, in the loss's units (values in [-1, 1])."""
        assert self.held_out is not None
        self.model.eval()
        total = torch.zeros((), device=self.device)
        for part in torch.arange(len(self.held_out.images), device=self.device).split(_LOOK):
            with loop.autocast(self.recipe.compute, self.device):
                images = tensors.normalise_images(self.held_out.images[part])
                texture = self.model.reconstruct(images).texture
            target = tensors.normalise_textures(self.held_out.textures[self.held_out.texture_of[part]])
            total += len(part) * reconstruction.l1(texture, target)
        return {"validation_l1": float(total) / len(self.held_out.images)}
