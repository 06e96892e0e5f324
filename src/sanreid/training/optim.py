"""Optimizers and their learning rate as a pure function of the epoch.

Decisions: no scheduler objects. The rate at any time is computed from the section, so a resumed run only has to restore
the optimizer's state. SAN's published warm-up is unusual, and available as kind `published`: its epochs come before the
counted ones and use plain Adam, whatever the optimizer, whose state is discarded afterwards.
"""

import math
from collections.abc import Iterable
from typing import Any, Literal, Self

import torch
from pydantic import model_validator

from sanreid import process_group
from sanreid.bounds import Decay, EpochsOrNone, Growth, Milestones, Momentum, Rate, Start
from sanreid.params import Section
from sanreid.training import distributed

_STEPS = {"halving": 0.5, "tenths": 0.1}  # what a milestone multiplies the rate by
_LOWERS = {"halving": "halve", "tenths": "lower", "exponential": "lower"}
MOST = 1000  # times the rate: where the published warm-up may end (SAN: 1)
_LAST = 0.001  # of the rate, where `exponential` ends


class WarmUp(Section):
    """How the rate starts: `published` (before the counted epochs) or `linear` (the first of the counted epochs)."""

    kind: Literal["none", "published", "linear"]
    epochs: EpochsOrNone
    start: Start
    factor: Growth

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind == "published" and math.log(self.start) + self.epochs * math.log(self.factor) > math.log(MOST):
            raise ValueError(
                f"factor: {self.factor} over {self.epochs} epochs from {self.start} grows past {MOST} times the rate; "
                "lower it, or the epochs"
            )
        return self


class Optimiser(Section):
    """An optimizer with its schedule."""

    name: Literal["adam", "amsgrad", "adamw"]
    lr: Rate
    weight_decay: Decay
    betas: tuple[Momentum, Momentum]
    schedule: Literal["constant", "cosine", "halving", "tenths", "exponential"]
    milestones: Milestones
    warm_up: WarmUp

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not all(0 <= b < 1 for b in self.betas):
            raise ValueError(f"betas: {list(self.betas)} must lie in [0, 1)")
        if self.schedule in _STEPS and not self.milestones:
            raise ValueError(f"milestones: schedule '{self.schedule}' wants at least one; else name 'constant'")
        if self.schedule == "exponential" and len(self.milestones) != 1:
            raise ValueError(f"milestones: {list(self.milestones)}; schedule 'exponential' wants one, where it starts")
        if list(self.milestones) != sorted(set(self.milestones)) or any(m < 1 for m in self.milestones):
            raise ValueError(f"milestones: {list(self.milestones)} must rise strictly and start at 1 or later")
        return self


def check(section: Optimiser, epochs: int, where: str) -> None:
    """ValueError for milestones or warm-up that do not fit into `epochs`; it names the key, prefixed by `where`."""
    if section.schedule in _LOWERS and section.milestones[-1] >= epochs:
        raise ValueError(
            f"{where}.milestones: {section.milestones[-1]} is not before the last of {epochs} epochs, so it would "
            f"never {_LOWERS[section.schedule]} the rate; remove it or train longer"
        )
    if section.warm_up.kind == "linear" and section.warm_up.epochs >= epochs:
        raise ValueError(f"{where}.warm_up.epochs: {section.warm_up.epochs} leave nothing of {epochs} epochs")


def extra_epochs(section: Optimiser) -> int:
    """The uncounted epochs that the published warm-up puts before the counted ones."""
    return section.warm_up.epochs if section.warm_up.kind == "published" else 0


def rate(section: Optimiser, epochs: int, moment: float) -> float:
    """The learning rate at `moment`, in epochs from the run's start (fractions within an epoch), of `epochs` counted.

    The published warm-up multiplies by `factor` an epoch from `start` times the rate, and `halving` and `tenths` act at
    whole epochs; `cosine`, `linear` and `exponential` move at each step. `exponential` falls from its milestone on, to
    a thousandth at the end (Hermans et al. 2017, section 4.1). Milestones count after the published warm-up.
    """
    warm = section.warm_up
    counted = moment - extra_epochs(section)
    if counted < 0:
        return section.lr * warm.start * warm.factor ** math.floor(moment)
    if warm.kind == "linear" and counted < warm.epochs:
        return section.lr * (warm.start + (1 - warm.start) * counted / warm.epochs)
    if section.schedule in _STEPS:
        return section.lr * _STEPS[section.schedule] ** sum(m <= counted for m in section.milestones)
    if section.schedule == "exponential":
        begin = section.milestones[0]
        return section.lr * _LAST ** max(0.0, (counted - begin) / (epochs - begin))
    if section.schedule == "cosine":
        begin = warm.epochs if warm.kind == "linear" else 0
        return section.lr * 0.5 * (1 + math.cos(math.pi * (counted - begin) / (epochs - begin)))
    return section.lr


class Optimisation:
    """One optimizer over `parameters` for `epochs` counted epochs, with the rate set by `at` before each step."""

    def __init__(self, parameters: Iterable[torch.nn.Parameter], section: Optimiser, epochs: int) -> None:
        self.section, self.epochs = section, epochs
        self._begin(parameters, warming=extra_epochs(section) > 0)

    def _begin(self, parameters: Iterable[torch.nn.Parameter], warming: bool) -> None:
        self.parameters, self.warming = list(parameters), warming
        self.optimizer = self._build()
        self.sums = distributed.Sum(self.parameters) if process_group.size() > 1 else None

    def _build(self) -> torch.optim.Optimizer:
        s = self.section
        # the fused kernels are one pass over the weights, on CUDA and on the CPU alike
        common: dict[str, Any] = {"lr": s.lr, "betas": s.betas, "weight_decay": s.weight_decay, "fused": True}
        if s.name == "adamw":
            return torch.optim.AdamW(self.parameters, **common)
        return torch.optim.Adam(self.parameters, amsgrad=s.name == "amsgrad" and not self.warming, **common)

    def at(self, epoch: int, fraction: float) -> float:
        """Set and return the rate for epoch `epoch` (from 0) at `fraction` of it; drop the state after a warm-up."""
        if self.warming and epoch >= extra_epochs(self.section):
            self.warming = False
            self.optimizer = self._build()
        lr = rate(self.section, self.epochs, epoch + fraction)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        return lr

    def zero_grad(self) -> None:
        """Forget the gradients of these parameters."""
        self.optimizer.zero_grad(set_to_none=True)
        if self.sums:
            self.sums.begin()

    def step(self) -> None:
        """Apply the gradients, of all ranks where several share the training."""
        if self.sums:
            self.sums.end()
        self.optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """The optimizer's state and whether it is the warm-up's."""
        return {"warming": self.warming, "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        if state["warming"] != self.warming:
            self.warming = state["warming"]
            self.optimizer = self._build()
        self.optimizer.load_state_dict(state["optimizer"])
