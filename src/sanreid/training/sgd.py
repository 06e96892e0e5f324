"""Stochastic gradient descent with momentum at a constant learning rate, for the digits' published grids.

Decisions: the source does not state its optimizer; SGD is a guess, for two reasons. Where learning rate times weight
decay is 0.0001 the published accuracies are similar (98.25, 98.34, 97.63; where it is 0.001: 13.23, 14.95, 60.72),
which suggests that the decay is scaled by the rate, and not as in Adam; and at a rate of 1 some networks still learn.
It is not in optim.py, because every re-ID training depends on that file, and an edit would make all of them stale.
"""

from collections.abc import Iterable

import torch

from sanreid.bounds import Decay, Momentum, Rate
from sanreid.params import Section
from sanreid.training import optim


class Sgd(Section):
    """The rate, L2 and the momentum."""

    lr: Rate
    weight_decay: Decay
    momentum: Momentum


class ConstantSgd(optim.Optimisation):
    """`optim.Optimisation` of a constant rate: nothing to warm up, nothing to decay."""

    def __init__(self, parameters: Iterable[torch.nn.Parameter], sgd: Sgd) -> None:
        self.sgd = sgd
        self._begin(parameters, warming=False)

    def _build(self) -> torch.optim.Optimizer:
        s = self.sgd
        common = {"lr": s.lr, "momentum": s.momentum, "weight_decay": s.weight_decay}
        return torch.optim.SGD(self.parameters, **common, fused=True)

    def at(self, epoch: int, fraction: float) -> float:
        """The rate, at any moment."""
        return self.sgd.lr
