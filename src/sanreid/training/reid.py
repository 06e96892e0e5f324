"""Shared by the trainings of all re-ID systems: reading people, loading starting weights, a common step, saving.

Decisions: a system is a network whose trunk is called `encoder` (models/reid.py) and a step (loop.Step); systems.py
puts them together with `read`, `start` and `train`. load_report.json says which starting weights were loaded and which
were not. training.json has the seconds, also those before a kill; they are not in history.csv, which is the same for
equal runs.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import pandas as pd
import torch
from torch import Tensor, nn

from sanreid import process_group, runtime
from sanreid.bounds import Epochs
from sanreid.data import augment, index, tensors
from sanreid.models import backbones
from sanreid.models.reid import Architecture
from sanreid.params import Section
from sanreid.training import checkpoint, distributed, loop, optim, shipped
from sanreid.training.error_context import in_section
from sanreid.training.parameter_prefixes import TRUNK


class Recipe(Section):
    """The keys of every system's section; a system adds its batches, losses, and `network`."""

    epochs: Epochs
    optimiser: optim.Optimiser
    augment: augment.Augment
    compute: loop.Compute


def check(recipe: Recipe, section: str) -> None:
    """ValueError naming the key if the recipe is impossible; the step checks its batches itself."""
    optim.check(recipe.optimiser, recipe.epochs, f"{section}.optimiser")
    with in_section(f"{section}.augment"):
        recipe.augment.check(None, textures=False)


class People(NamedTuple):
    """Images (N, 3, H, W) uint8, labels (N,) int64 in 0..count-1, and `count`, the number of people."""

    images: Tensor
    labels: Tensor
    count: int

    def to(self, device: torch.device) -> Self:
        """The same on `device`; images that do not fit stay on the host (tensors.keep)."""
        return self._replace(images=tensors.keep(self.images, device), labels=self.labels.to(device))


def read(folder: Path, size: tuple[int, int], split: str = "train") -> People:
    """The people of `split` of the table in `folder`, decoded to `size` = (H, W); labels go by ascending pid.

    Raises ValueError where the split is empty.
    """
    return decode(folder, index.of_split(index.read(folder), split, folder), size)


def decode(folder: Path, rows: pd.DataFrame, size: tuple[int, int]) -> People:
    """The people of some `rows` of the table in `folder`, as `read` gives them."""
    codes, people = pd.factorize(rows["pid"], sort=True)
    return People(tensors.decode(folder, rows["path"].tolist(), size), torch.from_numpy(codes), len(people))


class Start(NamedTuple):
    """The starting weights of a network: their files, and the report for load_report.json."""

    files: Sequence[Path]
    report: Mapping[str, Any]


def start(model: nn.Module, arch: Architecture, folder: Path) -> Start:
    """Load `model.encoder` as `arch.initialise` says; `folder` has a SAN-PG, <backbone>.pth, or a re-ID network.

    Raises FileNotFoundError that says where to put the file, ValueError with the report if the weights do not fit.
    """
    if arch.initialise == "imagenet":
        trunk: Any = model.encoder
        loaded = backbones.load_imagenet(trunk, arch.backbone, folder, "initialise: scratch")
        return Start([Path(loaded.file)], {"initialise": "imagenet", **loaded.as_dict()})
    if arch.initialise in ("san_pg", "pretrained"):
        weights = folder / checkpoint.WEIGHTS
        if arch.initialise == "pretrained":
            shipped.check(arch, folder, f"initialise: pretrained wants systems.start={shipped.FOLDER}")
        report = checkpoint.load_into(model, weights, only=TRUNK, strict=True)
        runtime.log.info("%s", report)
        return Start([weights], {"initialise": arch.initialise, **report.as_dict(), **checkpoint.before(folder)})
    return Start([], {"initialise": "scratch"})


class Step(ABC):
    """The training step of most systems (loop.Step): augment, forward, one backward pass of the weighted sum of losses.

    A system defines `batches` and `measure`. `weights` are the losses' weights by name; a loss of weight 0 is neither
    computed nor recorded.
    """

    validation: tuple[str, ...] = ()

    def __init__(self, model: nn.Module, people: People, recipe: Recipe, weights: Mapping[str, float]) -> None:
        self.model, self.recipe = model, recipe
        self.device = next(model.parameters()).device
        self.people = people.to(self.device)
        self.weights = {name: weight for name, weight in weights.items() if weight}
        if not self.weights:
            raise ValueError(f"losses: the weights of {', '.join(weights)} are all 0, so nothing would be trained")
        self.terms = tuple(self.weights)
        self.forward = loop.compiled(model.forward, recipe.compute)
        trained = [p for p in model.parameters() if p.requires_grad]
        self.optimisations = {"main": optim.Optimisation(trained, recipe.optimiser, recipe.epochs)}

    @abstractmethod
    def batches(self, seed: int, epoch: int) -> list[Tensor]:
        """The batches of image numbers of an epoch: a pure function of its arguments."""

    @abstractmethod
    def measure(self, out: Any, labels: Tensor) -> dict[str, Tensor]:
        """The losses by name, from the network's output for a batch and its labels (N,)."""

    def __call__(self, batch: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """One forward, one backward, one update; returns the unweighted terms."""
        own, batch = process_group.share(batch), tensors.send(batch, self.device)
        images, _ = self.recipe.augment(tensors.take(self.people.images, own, self.device), None, generator)
        with loop.autocast(self.recipe.compute, self.device):
            out = self.forward(images)
        measured = self.measure(distributed.gather(out), self.people.labels[batch])
        terms = {name: measured[name] for name in self.terms}
        main = self.optimisations["main"]
        main.zero_grad()
        torch.stack([self.weights[name] * value for name, value in terms.items()]).sum().backward()
        main.step()
        return {name: value.detach() for name, value in terms.items()}

    def validate(self) -> dict[str, float]:
        """Nothing, unless a system holds people out."""
        return {}


def train(
    step: loop.Step,
    recipe: Recipe,
    begun: Start,
    *,
    system: str,
    seed: int,
    people: People,
    images: Path,
    out: Path,
    held_out: People | None = None,
    stop: loop.EarlyStop | None = None,
    **more: Any,
) -> None:
    """Train, and write the model folder `out` completely or not at all.

    `people` were read from the folder `images`; the step validates on `held_out`. `more` are further settings that
    determine the result; they are recorded in params.json. A run that was killed continues from its checkpoint.
    """
    settings = {"system": system, "seed": seed, "people": people.count, "recipe": recipe, **more}
    shown = [t for p in (people, held_out) if p is not None for t in (p.images, p.labels)]
    key = checkpoint.key(settings, [images / index.NAME, *begun.files], shown)
    epochs = recipe.epochs + optim.extra_epochs(recipe.optimiser)
    name = "/".join(out.parts[-3:])
    with checkpoint.owned(key, name):
        trained = loop.fit(step, epochs=epochs, seed=seed, run=key, name=name, stop=stop)
        with runtime.atomic_folder(out) as work:
            checkpoint.save_model(work, step.model, settings, trained.history)
            runtime.write_json(work / checkpoint.REPORT, dict(begun.report))
            took = trained.record(next(step.model.parameters()).device.type)
            runtime.write_json(work / "training.json", took | ({"best_epoch": stop.best_epoch} if stop else {}))
