"""Shared by the trainings on MNIST's digits: a training step with one loss, and saving.

Decisions: the loss is the first of a step's terms; the other terms are only recorded, in history.csv and TensorBoard.
There is no augmentation, as in the source. There is no choice of memory layout: with channels last, torch 2.15 crashes
on a CPU in the backward pass of some convolutions with one input channel (7 x 7 at stride 2, 8 output channels).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from sanreid import runtime
from sanreid.data import index
from sanreid.data.digits import Digits, normalise
from sanreid.params import Section
from sanreid.training import checkpoint, loop, optim

M = TypeVar("M", bound=nn.Module)


class Compute(Section):
    """How the arithmetic is done: `loop.Compute` without the memory layout."""

    precision: Literal["float32", "tf32", "bfloat16"]
    compile: bool
    deterministic: bool

    @property
    def full(self) -> loop.Compute:
        """The same as a `loop.Compute`."""
        return loop.Compute(**self.model_dump(), channels_last=False)


def prepare(seed: int) -> None:
    """`runtime.prepare` of a training on digits; denormal numbers count as 0 from here on in this process.

    Under the grids' strong weight decay most weights become denormal, and an epoch takes a CPU ten times as long. Torch
    sets this for the calling thread, whose helpers take it over when they start: call it before any other tensor work.
    """
    torch.set_flush_denormal(True)
    runtime.prepare(seed)


def place(model: M, compute: Compute, device: torch.device) -> M:
    """`loop.place` of a network of digits."""
    return loop.place(model, compute.full, device)


class Step(ABC):
    """One forward, one backward of the first of `terms`, one update; a method gives `batches` and `measure`."""

    terms: tuple[str, ...] = ("loss",)
    validation: tuple[str, ...] = ()

    def __init__(self, model: nn.Module, digits: Digits, compute: Compute, optimisation: optim.Optimisation) -> None:
        self.model, self.compute = model, compute.full
        self.device = next(model.parameters()).device
        self.images, self.labels = digits.images.to(self.device), digits.labels.to(self.device)
        self.forward = loop.compiled(model.forward, self.compute)
        self.optimisations = {"main": optimisation}

    @abstractmethod
    def batches(self, seed: int, epoch: int) -> list[Tensor]:
        """The batches of image numbers of an epoch: a pure function of its arguments."""

    @abstractmethod
    def measure(self, out: Any, labels: Tensor) -> dict[str, Tensor]:
        """What `terms` names, from the network's output for a batch and its labels (N,)."""

    def show(self, images: Tensor) -> Any:
        """The network's output for uint8 images (N, 1, 28, 28) on its device."""
        with loop.autocast(self.compute, self.device):
            return self.forward(normalise(images))

    def __call__(self, batch: Tensor, generator: object) -> dict[str, Tensor]:
        """Train on one batch; returns the terms. No augmentation draws from `generator`."""
        batch = batch.to(self.device)
        terms = self.measure(self.show(self.images[batch]), self.labels[batch])
        main = self.optimisations["main"]
        main.zero_grad()
        terms[self.terms[0]].backward()
        main.step()
        return {name: terms[name].detach() for name in self.terms}

    def validate(self) -> dict[str, float]:
        """Nothing, unless a method measures something at an epoch's end."""
        return {}


def run_key(step: Step, settings: Mapping[str, Any], folder: Path) -> str:
    """The `checkpoint.key` of a run of `step`, which `settings` and the digits of `folder` decide."""
    return checkpoint.key(settings, [folder / index.NAME], [step.images.cpu(), step.labels.cpu()])


def train(step: Step, settings: Mapping[str, Any], folder: Path, out: Path, *, epochs: int, seed: int) -> None:
    """Train and write `out`, whole or not at all: weights.safetensors, params.json, history.csv, training.json.

    `settings` decide the run, beside the digits of `folder`; params.json records them. A run that was killed goes on
    where it was.
    """
    key = run_key(step, settings, folder)
    name = "/".join(out.parts[-3:])
    with checkpoint.owned(key, name):
        trained = loop.fit(step, epochs=epochs, seed=seed, run=key, name=name)
        with runtime.atomic_folder(out) as work:
            checkpoint.save_model(work, step.model, settings, trained.history)
            runtime.write_json(work / "training.json", trained.record(step.device.type))
