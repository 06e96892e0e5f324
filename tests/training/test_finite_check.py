"""What is nan or infinite ends a training by name: a loss, a measured value, a weight."""

import pytest
import torch
from torch import nn

from sanreid.training import finite_check


def test_late_looks_at_the_losses_name_the_same_batch():
    """On CUDA the losses are fetched several steps at a time."""
    rows = [{"epoch": 4, "step": 40 + i, "lr": 0.1} for i in range(3)]
    waiting = [{"a": torch.tensor(1.0), "b": torch.tensor(v)} for v in (2.0, float("nan"), 3.0)]
    with pytest.raises(finite_check.NonFiniteLossError, match="'b' is nan at epoch 4, batch 18 of 30"):
        finite_check.settle(rows, waiting, ("a", "b"), 17, 30)
    assert rows[0] == {"epoch": 4, "step": 40, "lr": 0.1, "a": 1.0, "b": 2.0}


def test_what_was_measured_and_what_the_last_step_made_are_looked_at():
    model = nn.ModuleDict({"trunk": nn.Linear(2, 2), "norm": nn.BatchNorm1d(2)})
    row = {"epoch": 3, "step": 12, "loss": 0.5, "validation": 0.25}
    finite_check.check_end(model, ("validation",), row)
    with pytest.raises(finite_check.NonFiniteLossError, match="validation is inf at epoch 3"):
        finite_check.check_end(model, ("validation",), row | {"validation": float("inf")})
    model["norm"].running_var[1] = float("nan")  # buffers are saved too
    with pytest.raises(finite_check.NonFiniteLossError, match=r"'norm\.running_var' are not finite after epoch 3"):
        finite_check.check_end(model, (), row)
