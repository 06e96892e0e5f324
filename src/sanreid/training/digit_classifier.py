"""The digit classifiers' step: cross entropy on shuffled batches, tested after each epoch.

Decisions: the test accuracy is recorded and decides nothing: there is no early stop, and the last epoch's weights are
kept. Loss, accuracy and size of each batch go to history.csv and, with the learning rate, to TensorBoard.
"""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sanreid import runtime
from sanreid.bounds import Batch, Epochs, Name, Seed
from sanreid.data import samplers
from sanreid.data.digits import Digits, normalise
from sanreid.losses import cross_entropy
from sanreid.models import digit_classifiers
from sanreid.models.digit_classifiers import DigitOutput, Shape
from sanreid.params import Section, validate
from sanreid.training import checkpoint, digit_training
from sanreid.training.sgd import ConstantSgd, Sgd

SECTION = "train_mnist_classifier"
SYSTEM = "mnist_classifier"
TESTED = "test_accuracy"
_LOOK = 500  # test digits at a time; changes speed and memory only


class Model(Section):
    """A classifier and how long it trains."""

    network: Shape
    epochs: Epochs


class Recipe(Section):
    """How every classifier is trained."""

    seed: Seed
    batch: Batch
    optimiser: Sgd
    compute: digit_training.Compute


class Plan(Recipe):
    """Section `train_mnist_classifier`: the recipe and the models by name."""

    models: dict[Name, Model]

    @property
    def recipe(self) -> Recipe:
        """The recipe alone."""
        return Recipe(**{key: getattr(self, key) for key in Recipe.model_fields})

    def model(self, name: str, asking: str = f"{SECTION}.models") -> Model:
        """The model of that name; ValueError names the key that asks for one that is not there."""
        if name not in self.models:
            raise ValueError(f"{asking}: no '{name}' under {SECTION}.models; there are {', '.join(self.models)}")
        return self.models[name]


class Step(digit_training.Step):
    """One update of a classifier on `digits`; those of the test files are classified at each epoch's end."""

    terms = ("loss", "accuracy", "batch_size")
    validation = (TESTED,)

    def __init__(self, model: nn.Module, digits: Digits, recipe: Recipe) -> None:
        train = digits.at(~digits.tested)
        if len(train.labels) < recipe.batch:
            raise ValueError(f"batch: {recipe.batch} is more than the {len(train.labels)} training digits; lower it")
        super().__init__(model, train, recipe.compute, ConstantSgd(model.parameters(), recipe.optimiser))
        self.batch, self.tested = recipe.batch, digits.at(digits.tested)

    def batches(self, seed: int, epoch: int) -> list[Tensor]:
        """Shuffled batches of image numbers."""
        return samplers.shuffled(len(self.labels), self.batch, seed, epoch)

    def measure(self, out: DigitOutput, labels: Tensor) -> dict[str, Tensor]:
        """The loss, the accuracy, and the number of digits."""
        right = (out.logits.argmax(1) == labels).float().mean()
        loss = cross_entropy.smoothed(out.logits, labels, 0.0)
        return {"loss": loss, "accuracy": right, "batch_size": torch.full((), len(labels), device=loss.device)}

    def validate(self) -> dict[str, float]:
        """The accuracy on the test digits, a fraction."""
        right = (predict(self.model, self.tested.images) == self.tested.labels).sum()
        return {TESTED: int(right) / len(self.tested.labels)}


@torch.no_grad()
def predict(model: nn.Module, images: Tensor) -> Tensor:
    """The most likely digit (N,) int64, on the CPU, of uint8 images (N, 1, 28, 28); 0 where a logit is no number."""
    device = next(model.parameters()).device
    model.eval()
    logits = torch.cat([model(normalise(part.to(device))).logits for part in images.split(_LOOK)])
    return logits.argmax(1).masked_fill(logits.isnan().any(1), 0).cpu()


def settings(recipe: Recipe, name: str, model: Model) -> dict:
    """What decides a run, as params.json records it."""
    return {"system": SYSTEM, "name": name, "model": model, "recipe": recipe}


class Trained(NamedTuple):
    """A classifier from the disk, and the seconds that its training took."""

    model: nn.Module
    seconds: float
    epochs: int

    @property
    def parameters(self) -> int:
        """How many numbers were trained."""
        return sum(p.numel() for p in self.model.parameters())


def load(folder: Path) -> Trained:
    """The classifier of a model folder of train_mnist_classifier.

    Raises FileNotFoundError, or ValueError where the folder holds another model.
    """
    record, file = checkpoint.read_params(
        folder, SYSTEM, "classifier of digits", SECTION, "models/mnist/classifiers/<model>"
    )
    model = digit_classifiers.build(validate(record["model"], Model, f"{file}: model").network)
    checkpoint.load_into(model, folder / checkpoint.WEIGHTS, strict=True)
    took = runtime.read_json(folder / "training.json")
    return Trained(model, float(took["seconds"]), int(took["epochs"]))
