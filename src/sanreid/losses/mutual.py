"""Mutual learning of n networks on one batch (Zhang et al. 2018; AlignedReID, section 3.3).

Decisions: each function returns one loss per network, which has gradients in that network only: the others' outputs are
detached, so that each network has its own backward pass. Losses are means over the other networks, so that their size
does not depend on n; for two networks they equal the published sums.
"""

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor


def divergence(logits: Sequence[Tensor]) -> list[Tensor]:
    """Of each network's logits (N, people): the mean over the others q of KL(q || p), in nats, averaged over images."""
    return _with_others([F.log_softmax(values.float(), 1) for values in logits], _kl)


def squared(distances: Sequence[Tensor]) -> list[Tensor]:
    """Of each network's distances (N, N): the mean over the others of the mean squared difference of the matrices."""
    return _with_others([values.float() for values in distances], F.mse_loss)


def _kl(own: Tensor, other: Tensor) -> Tensor:
    return F.kl_div(own, other, reduction="batchmean", log_target=True)


def _with_others(values: Sequence[Tensor], compare: Callable[[Tensor, Tensor], Tensor]) -> list[Tensor]:
    """The mean of `compare(own, other)` over the others, which are cut off from their graph, for each of `values`."""
    if len(values) < 2 or len({tuple(v.shape) for v in values}) > 1:
        raise ValueError(f"mutual learning: needs two networks' outputs of one shape, got {[*map(_shape, values)]}")
    fixed = [v.detach() for v in values]
    terms = [[compare(own, other) for j, other in enumerate(fixed) if j != i] for i, own in enumerate(values)]
    return [sum(t[1:], t[0]) / len(t) for t in terms]


def _shape(values: Tensor) -> tuple[int, ...]:
    return tuple(values.shape)
