"""Early stopping: end a training when validation stops improving, and restore the best epoch's weights.

Decisions: its state, with the best weights, is part of the run's checkpoint, so that a killed run stops at the same
epoch with the same weights. An equal value is no improvement. The best weights are also restored if all epochs were
run.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor, nn

from sanreid import runtime


class EarlyStop:
    """Stop after `patience` epochs in a row whose `value` (of a step's `validation`) was not better than the best.

    `better` says which that is: a smaller or a greater one. Afterwards `best` is that value and `best_epoch` its epoch,
    counted from 1.
    """

    def __init__(self, value: str, patience: int, better: Literal["smaller", "greater"] = "smaller") -> None:
        if patience < 1:
            raise ValueError(f"patience: {patience} epochs would stop before the first; give 1 or more")
        self.value, self.patience, self.better = value, patience, better
        self.best, self.best_epoch, self.last_epoch = math.nan, 0, 0
        self.weights: dict[str, Tensor] = {}

    @property
    def done(self) -> bool:
        """Whether the patience has run out."""
        return self.last_epoch - self.best_epoch >= self.patience  # before the first epoch both are 0

    def see(self, epoch: int, row: Mapping[str, float], model: nn.Module) -> None:
        """Record the validation result `row` of `epoch` (from 1); copy the weights of `model` if they are the best.

        Raises ValueError if the value is missing or not finite.
        """
        if self.value not in row:
            raise ValueError(f"early stopping waits for '{self.value}', and the epoch measured {sorted(row)}")
        value = row[self.value]
        if not math.isfinite(value):
            raise ValueError(f"early stopping: {self.value} is {value} at epoch {epoch}; a lower rate may help")
        self.last_epoch = epoch
        if self.best_epoch == 0 or (value < self.best if self.better == "smaller" else value > self.best):
            self.best, self.best_epoch = value, epoch
            self.weights = {k: v.detach().clone() for k, v in model.state_dict().items()}

    def restore(self, model: nn.Module, name: str) -> None:
        """Restore the best epoch's weights in `model`, if there was any epoch; `name` is the run's name in the log."""
        if not self.weights:
            return
        model.load_state_dict(self.weights)
        stopped = f"stopped after epoch {self.last_epoch}" if self.done else f"all {self.last_epoch} epochs done"
        runtime.log.info("%s: %s; kept epoch %d, %s %.4g", name, stopped, self.best_epoch, self.value, self.best)

    def state_dict(self) -> dict[str, Any]:
        """What was seen so far, for the checkpoint."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "last_epoch": self.last_epoch,
            "weights": self.weights,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self.best, self.best_epoch, self.last_epoch = state["best"], state["best_epoch"], state["last_epoch"]
        self.weights = dict(state["weights"])
