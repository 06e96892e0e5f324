"""The attribute classifier's training step: weighted cross entropy summed over the heads, with early stopping.

Decisions: the validation loss is over the whole split of held-out people (extract_attributes), with the class weights
of training; it does not depend on the batch size, and decides when to stop. Every head is a term of the history. (The
training follows a course report on Lin et al. 2019, whose values are in the paper profile.)
"""

from pathlib import Path

import torch
from torch import Tensor

from sanreid.bounds import Batch, Epochs
from sanreid.data import attribute_labels, samplers, tensors
from sanreid.data.attributes import HEADS
from sanreid.losses import weighted_cross_entropy
from sanreid.models.attributes import AttributeClassifier, AttributeOutput, Network
from sanreid.params import validate
from sanreid.training import checkpoint, loop, reid

CLASSES = {head: len(classes) for head, classes in HEADS.items()}
WATCHED = "validation_loss"


class Recipe(reid.Recipe):
    """Section `train_attributes`."""

    network: Network
    batch: Batch
    patience: Epochs


def check(recipe: Recipe, people: reid.People, section: str) -> None:
    """ValueError naming the key if the recipe is impossible with these training images."""
    reid.check(recipe, section)
    if len(people.images) < recipe.batch:
        raise ValueError(f"{section}.batch: {recipe.batch} is more than the {len(people.images)} images; lower it")


def read(market: Path, labels: Path, split: str, size: tuple[int, int]) -> reid.People:
    """The images of `split`, decoded to `size` = (H, W); labels (N, 12) are the heads' classes, `count` the people.

    Raises ValueError where the split is empty, and as `attribute_labels.rows`.
    """
    rows = attribute_labels.rows(market, labels, split)
    if rows.empty:
        raise ValueError(f"{labels / attribute_labels.LABELS}: nobody in split '{split}' has an image in {market}")
    classes = torch.from_numpy(rows[list(HEADS)].to_numpy("int64", copy=True))
    return reid.People(tensors.decode(market, rows["path"].tolist(), size), classes, rows["pid"].nunique())


class Step(reid.Step):
    """One training step of the classifier; `held_out` people are measured after each epoch."""

    validation = (WATCHED, "validation_accuracy")

    def __init__(
        self,
        model: AttributeClassifier,
        people: reid.People,
        held_out: reid.People,
        weights: dict[str, list[float]],
        recipe: Recipe,
    ) -> None:
        super().__init__(model, people, recipe, dict.fromkeys(HEADS, 1.0))
        self.batch = recipe.batch
        self.held_out = held_out.to(self.device)
        self.class_weights = {head: torch.tensor(weights[head], device=self.device) for head in HEADS}

    def batches(self, seed: int, epoch: int) -> list[Tensor]:
        """Shuffled batches of image numbers."""
        return samplers.shuffled(len(self.people.images), self.batch, seed, epoch)

    def measure(self, out: AttributeOutput, labels: Tensor) -> dict[str, Tensor]:
        """The heads' losses."""
        return weighted_cross_entropy.means(out.logits, by_head(labels), self.class_weights)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """The loss on the held-out people, summed over the heads, and the heads' mean accuracy."""
        self.model.eval()
        total = torch.zeros(len(HEADS), 2, device=self.device)
        right = torch.zeros((), device=self.device)
        for part in torch.arange(len(self.held_out.images), device=self.device).split(self.batch):
            labels = self.held_out.labels[part]
            with loop.autocast(self.recipe.compute, self.device):
                images = tensors.take(self.held_out.images, part, self.device)
                logits = self.model(tensors.normalise_images(images)).logits
            sums = weighted_cross_entropy.sums(logits, by_head(labels), self.class_weights)
            total += torch.stack(list(sums.values()))
            right += (torch.stack([logits[head].argmax(1) for head in HEADS], 1) == labels).sum()
        loss = (total[:, 0] / total[:, 1]).sum()
        return {WATCHED: float(loss), "validation_accuracy": float(right) / self.held_out.labels.numel()}


def by_head(labels: Tensor) -> dict[str, Tensor]:
    """Labels (N, 12) in the order of HEADS, as (N,) by head."""
    return dict(zip(HEADS, labels.unbind(1), strict=True))


def load(folder: Path) -> tuple[AttributeClassifier, Network]:
    """The classifier of a model folder and its section, from params.json and the weights.

    Raises FileNotFoundError, or ValueError where the folder holds another model.
    """
    settings, file = checkpoint.read_params(
        folder, "attributes", "attribute classifier", "train_attributes", "models/attributes/seed<k>"
    )
    network = validate(settings["recipe"]["network"], Network, f"{file}: recipe.network")
    model = AttributeClassifier(network, CLASSES)
    checkpoint.load_into(model, folder / checkpoint.WEIGHTS, strict=True)
    return model, network
