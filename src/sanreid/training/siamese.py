"""The Siamese network's training step (one triplet loss on embeddings of digits), and loading a trained one.

Decisions: the distance (squared euclidean or 1 - cos) and the triplets (random ones from the data set, or the hardest
of a P x K batch) are parameters. For a network trained with cosine distance `embed` returns unit vectors, so that
euclidean distances between them order as the trained distance does.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sanreid.bounds import Epochs, Margin, Seed, Within
from sanreid.data import digits, invented
from sanreid.data.digits import Digits
from sanreid.data.invented import Invented
from sanreid.losses import cosine_triplet, squared_triplet
from sanreid.models.siamese import Network, Siamese, SiameseOutput
from sanreid.params import Section, validate
from sanreid.training import checkpoint, digit_training, optim
from sanreid.training.error_context import in_section
from sanreid.training.triplet_mining import Batches, Sampling, TripletMining

SECTION = "train_mnist_siamese"
SYSTEM = "mnist_siamese"
LOSSES = {"euclidean": squared_triplet, "cosine": cosine_triplet}


class Loss(Section):
    """The triplet loss: squared euclidean distances, or 1 - cos; the margin is in their unit."""

    distance: Literal["euclidean", "cosine"]
    margin: Margin


class Divide(Section):
    """How divisions are made (data/digits.py): the seed, and the held-out fraction of `seen`."""

    seed: Seed
    held_out: Within


class Recipe(Section):
    """Section `train_mnist_siamese`."""

    seed: Seed
    divisions: Divide
    invented: Invented
    epochs: Epochs
    sampling: Sampling
    batches: Batches
    loss: Loss
    network: Network
    optimiser: optim.Optimiser
    compute: digit_training.Compute


class Step(digit_training.Step):
    """One training step on `chosen`, the division's training digits, and the artificial classes made from them."""

    def __init__(self, model: Siamese, chosen: Digits, recipe: Recipe) -> None:
        optim.check(recipe.optimiser, recipe.epochs, f"{SECTION}.optimiser")
        optimisation = optim.Optimisation(model.parameters(), recipe.optimiser, recipe.epochs)
        trained = invented.add(chosen, recipe.invented, recipe.seed)
        super().__init__(model, trained, recipe.compute, optimisation)
        self.recipe = recipe
        with in_section(f"{SECTION}.batches"):
            self.triplets = TripletMining(
                trained.labels, recipe.sampling, recipe.batches, recipe.loss.margin, squared=True
            )

    def batches(self, seed: int, epoch: int) -> list[Tensor]:
        """Batches of image numbers by the sampling."""
        return self.triplets.epoch(seed, epoch)

    def measure(self, out: SiameseOutput, labels: Tensor) -> dict[str, Tensor]:
        """The triplet loss."""
        losses, margin = LOSSES[self.recipe.loss.distance], self.recipe.loss.margin
        if self.recipe.sampling == "random":
            anchors, positives, negatives = out.embedding.chunk(3)
            return {"loss": losses.drawn(anchors, positives, negatives, margin)}
        return {"loss": losses.batch_hard(out.embedding, labels, margin)}


def settings(recipe: Recipe, name: str) -> dict:
    """The settings that determine a run on division `name`, as recorded in params.json."""
    division = digits.divide(name, recipe.divisions.seed)
    parts = {part: list(wanted) for part, wanted in division._asdict().items()}
    return {"system": SYSTEM, "division": {"name": name, **parts}, "recipe": recipe}


class Trained(NamedTuple):
    """A loaded network, its recipe, and the name of the division that it was trained on."""

    model: Siamese
    recipe: Recipe
    division: str

    def rows(self, everything: Digits) -> digits.Rows:
        """The images of its division: trained on, to calibrate on, to find."""
        return digits.rows(everything, self.division, self.recipe.divisions.seed, self.recipe.divisions.held_out)


def load(folder: Path) -> Trained:
    """The network of a model folder of train_mnist_siamese.

    Raises FileNotFoundError, or ValueError where the folder holds another model.
    """
    record, file = checkpoint.read_params(
        folder, SYSTEM, "Siamese network of digits", SECTION, "models/mnist/siamese/<division>"
    )
    recipe = validate(record["recipe"], Recipe, f"{file}: recipe")
    model = Siamese(recipe.network)
    checkpoint.load_into(model, folder / checkpoint.WEIGHTS, strict=True)
    return Trained(model, recipe, record["division"]["name"])


@torch.no_grad()
def embed(trained: Trained, images: Tensor, batch: int = 256) -> np.ndarray:
    """Embeddings (N, D) float32 of uint8 images (N, 1, 28, 28), unit vectors where the distance is `cosine`.

    The network's device computes; `batch` changes speed and memory only.
    """
    device = next(trained.model.parameters()).device
    trained.model.eval()
    parts = [trained.model(digits.normalise(part.to(device))).embedding.float() for part in images.split(batch)]
    embeddings = torch.cat(parts)
    if trained.recipe.loss.distance == "cosine":
        embeddings = cosine_triplet.unit(embeddings)
    return embeddings.cpu().numpy()
