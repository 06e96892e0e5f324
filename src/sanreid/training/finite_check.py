"""Stops a training whose losses, validation results or weights are nan or infinite.

Decisions: losses are checked when they are fetched, which on CUDA is a few steps later; weights at each epoch's end,
before its checkpoint is written, so that broken weights are never saved.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

_REMEDY = "a lower rate, a longer warm-up or precision float32 may help"


class NonFiniteLossError(ValueError):
    """A loss, a measured value or a weight became nan or infinite; the message names it, the epoch and the batch."""


def settle(
    rows: list[dict[str, float]],
    waiting: list[dict[str, torch.Tensor]],
    terms: Sequence[str],
    first: int,
    batches: int,
) -> None:
    """Fetch the waiting losses in one transfer into their rows; stop at the first that is not finite.

    `first` is the number of the first of them among the epoch's `batches`, from 1. Raises NonFiniteLossError.
    """
    values = torch.stack([w[t].detach().float() for w in waiting for t in terms]).view(len(waiting), -1).tolist()
    for offset, (row, losses) in enumerate(zip(rows, values, strict=True)):
        row.update(zip(terms, losses, strict=True))
        for term, value in zip(terms, losses, strict=True):
            if not math.isfinite(value):
                raise NonFiniteLossError(
                    f"loss term '{term}' is {value} at epoch {row['epoch']}, batch {first + offset} of {batches} "
                    f"(lr {row['lr']:.3g}); {_REMEDY}"
                )


def check_end(model: nn.Module, validation: Sequence[str], row: Mapping[str, float]) -> None:
    """Raise NonFiniteLossError if validation results or weights at an epoch's end are not finite.

    `row` is the epoch's last row of the history, `validation` the names of the validation results in it.
    """
    for name in validation:
        if not math.isfinite(row.get(name, 0.0)):
            raise NonFiniteLossError(f"{name} is {row[name]} at epoch {row['epoch']}; {_REMEDY}")
    for name, values in model.state_dict().items():
        if values.is_floating_point() and not values.isfinite().all():
            raise NonFiniteLossError(f"weights '{name}' are not finite after epoch {row['epoch']}; {_REMEDY}")
