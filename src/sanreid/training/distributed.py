"""One training split over several processes (ranks), with the results of one process except for rounding.

Every rank has the same batch and the same augmentation, and runs its part of the pictures through the network. Three
things make the result that of the whole batch, for any number of ranks:
- Batch statistics are those of the whole batch (batch_norm.py), forward and backward.
- Losses are those of the whole batch: outputs are gathered (`gather`), so that the hardest sample is the hardest of the
  whole P x K batch, and each rank computes the same loss. For a mean over pictures `mean` of the ranks' means suffices.
- Gradients are summed over the ranks (`Sum`). The loss depends on a weight through each rank's outputs,
  dL/dw = sum over r of dL/d(out_r) * d(out_r)/dw, so each rank contributes the part of its own rows, without division.

Decisions: no DistributedDataParallel, because it averages one loss per rank, and wraps a single `forward`; SAN's
schedules have two forward passes, two optimizers and parts without gradient, and losses over the whole batch. As there,
the sums are computed while the backward pass runs, in buckets of the same size. With one process all functions return
their argument.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, distributed, nn

from sanreid import process_group
from sanreid.runtime import log

T = TypeVar("T")

BUCKET = 25 << 20  # bytes of gradients that travel together


class RanksDisagreeError(RuntimeError):
    """The ranks' weights differ, which they must never do: a fault of the program or of the machine."""


def gather(own: T) -> T:
    """The whole batch's rows, in order, of this rank's: a tensor (N / ranks, ...), or a tuple or list of such and None.

    Its gradient is the own rows' part; the sum over the ranks is taken of the weights' gradients.
    """
    if process_group.size() == 1 or own is None:
        return own
    if isinstance(own, Tensor):
        return cast(T, _Gather.apply(own))
    values = [gather(value) for value in cast(list, own)]
    return type(own)(*values) if hasattr(own, "_fields") else type(own)(values)  # pyrefly: ignore


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        whole = own.new_empty(len(own) * process_group.size(), *own.shape[1:])
        distributed.all_gather_into_tensor(whole, own.contiguous())
        return whole

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # pyrefly: ignore
        return process_group.share(gradient)


def mean(own: Tensor, weight: Tensor | None = None) -> Tensor:
    """The mean of the ranks' scalars `own`, weighted by each rank's `weight`; 0 where all of those are 0."""
    if process_group.size() == 1:
        return own
    return cast(Tensor, _Mean.apply(own, torch.ones_like(own) if weight is None else weight))


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor, weight: Tensor) -> Tensor:
        sums = torch.stack([own * weight, weight])
        distributed.all_reduce(sums)
        total = sums[1].where(sums[1] > 0, torch.ones_like(weight))
        ctx.part = weight / total
        return sums[0] / total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # pyrefly: ignore
        return gradient * ctx.part, None


class Sum:
    """The gradients of `parameters`, summed over the ranks while the backward pass that makes them still runs.

    They travel in the order in which they are ready, which is the same on every rank, since the graph is.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self.armed = False
        self.ready: list[nn.Parameter] = []
        self.bytes = 0
        self.sent: list[tuple[Any, Tensor, list[nn.Parameter]]] = []
        for parameter in parameters:
            parameter.register_post_accumulate_grad_hook(self._add)

    def begin(self) -> None:
        """From here on, what a backward pass leaves is summed."""
        self.armed, self.ready, self.bytes, self.sent = True, [], 0, []

    def end(self) -> None:
        """Wait for the sums, and put them into the parameters' `grad`."""
        self._send()
        self.armed = False
        for work, flat, parameters in self.sent:
            work.wait()
            parts = flat.split([p.numel() for p in parameters])
            for parameter, part in zip(parameters, parts, strict=True):
                assert parameter.grad is not None
                parameter.grad.copy_(part.view_as(parameter))
        self.sent = []

    def _add(self, parameter: Tensor) -> None:
        if not self.armed:  # another optimizer's turn
            return
        self.ready.append(cast(nn.Parameter, parameter))
        self.bytes += parameter.numel() * parameter.element_size()
        if self.bytes >= BUCKET:
            self._send()

    def _send(self) -> None:
        if self.ready:
            flat = torch.cat([cast(Tensor, p.grad).reshape(-1) for p in self.ready])
            self.sent.append((distributed.all_reduce(flat, async_op=True), flat, self.ready))
            self.ready, self.bytes = [], 0


def from_first(measure: Callable[[], T]) -> T:
    """What `measure` gives on the first rank, on every rank: the others wait for it."""
    if process_group.size() == 1:
        return measure()
    told = [measure() if process_group.first() else None]
    distributed.broadcast_object_list(told, device=torch.device("cpu"))
    return cast(T, told[0])


def in_turn(look: Callable[[], T]) -> T:
    """What `look` gives, on every rank: the first looks first, so that what it mends is mended for all."""
    if process_group.size() == 1:
        return look()
    seen = look() if process_group.first() else None
    from_first(lambda: None)
    process_group.clear()  # all have come as far as this: whatever they share is open
    return cast(T, seen if process_group.first() else look())


@contextmanager
def together() -> Iterator[None]:
    """Do the block with all ranks, and part at its end; ends the process in silence where another rank has ended."""
    try:
        yield
        if process_group.size() > 1:
            from_first(lambda: None)
            distributed.destroy_process_group()
    except RuntimeError as error:
        if process_group.size() == 1 or not process_group.lost(error):
            raise
        log.debug("another rank has ended:", exc_info=True)
        sys.exit(process_group.LOST)


def check_batches(draw: Callable[[], Iterable[Tensor]]) -> None:
    """Refuse batches that the ranks cannot share evenly; ValueError says what to change. One process draws none."""
    for batch in draw() if process_group.size() > 1 else ():
        if len(batch) % process_group.size():
            raise ValueError(
                f"{process_group.ASKED}: {process_group.size()} GPUs cannot share a batch of {len(batch)} pictures "
                "evenly; take a number that divides it, or change people x images (or batch)"
            )


def check_same(model: nn.Module, epoch: int) -> None:
    """Raise RanksDisagreeError unless every rank has the first one's weights, to the bit, after `epoch`."""
    if process_group.size() == 1:
        return
    sums = torch.stack([v.detach().double().sum() for v in model.state_dict().values()])
    firsts = sums.clone()
    distributed.broadcast(firsts, 0)
    if not torch.equal(sums, firsts):
        raise RanksDisagreeError(f"rank {process_group.rank()} has other weights than the first after epoch {epoch}")
