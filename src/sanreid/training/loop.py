"""The training loop of all methods; what differs between methods is in their steps.

Decisions: all random numbers of an epoch come from generators seeded by (seed, epoch), and the learning rate is a
function of the epoch, so an epoch depends only on the state at its start. With a checkpoint after each epoch a killed
run ends with the same history and weights as an uninterrupted one: bit for bit, on the same kind of device with the
same torch and number of threads (on CUDA with `deterministic`, see `settle_cuda`). A step does its own backward passes,
because methods differ there (see training/san.py); it returns its loss terms by name, unweighted, and does not
synchronise the device.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, TypeVar, cast

import torch
from torch import nn
from tqdm import tqdm

from sanreid import process_group, runtime
from sanreid.bounds import EpochsOrNone, InPicture
from sanreid.params import Section
from sanreid.training import batch_norm, checkpoint, distributed, finite_check
from sanreid.training.early_stop import EarlyStop as EarlyStop
from sanreid.training.finite_check import NonFiniteLossError as NonFiniteLossError
from sanreid.training.history import History, board_folder, diverged
from sanreid.training.optim import Optimisation

M = TypeVar("M", bound=nn.Module)
F = TypeVar("F", bound=Callable)

_LOOK_EVERY = 16  # steps between fetching the losses from CUDA; fetching waits for the device


class Compute(Section):
    """How the arithmetic is done."""

    precision: Literal["float32", "tf32", "bfloat16"]
    channels_last: bool
    compile: bool
    deterministic: bool


class Pictures(Section):
    """Epochs between pictures of a decoder's output (0: only at the end), and the number of people of each split."""

    every: EpochsOrNone
    people: InPicture


class Step(Protocol):
    """A method's training step: its network, its optimizers (the first one's rate is recorded), its terms' names."""

    @property
    def terms(self) -> Sequence[str]:
        """The names of the loss terms, in the order of history's columns."""
        ...

    @property
    def validation(self) -> Sequence[str]:
        """The names of what `validate` measures."""
        ...

    @property
    def model(self) -> nn.Module:
        """The network, on its device."""
        ...

    @property
    def optimisations(self) -> Mapping[str, Optimisation]:
        """The optimizers by name, the main one first."""
        ...

    def batches(self, seed: int, epoch: int) -> Sequence[torch.Tensor]:
        """The batches of indices of an epoch: a pure function of its arguments."""
        ...

    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Train on one batch; returns the loss terms by name, detached scalars."""
        ...

    def validate(self) -> dict[str, float]:
        """Measure what `validation` names, at an epoch's end."""
        ...


Watch = Callable[[int, Path], None]


class Trained(NamedTuple):
    """The result of a run: its history.csv, the seconds of each epoch (also before a kill), and warnings."""

    history: Path
    seconds: list[float]
    warnings: list[str]

    def record(self, device: str | None = None) -> dict[str, Any]:
        """For training.json; seconds are included only if `device` is given, because they differ between equal runs."""
        took = {} if device is None else {"seconds": round(sum(self.seconds), 1), "device": device}
        return took | {"epochs": len(self.seconds), "warnings": self.warnings}


def fit(
    step: Step,
    *,
    epochs: int,
    seed: int,
    run: str,
    name: str,
    watch: Watch | None = None,
    stop: EarlyStop | None = None,
) -> Trained:
    """Train for `epochs` (uncounted warm-up epochs included).

    `run` is the run's `checkpoint.key`; if there is a checkpoint under that key, the training continues from it. `name`
    is the run's name in TensorBoard. `watch(epochs done, run's folder)` is called after each epoch, before its
    checkpoint is written; files that it writes to the folder survive a kill. `stop` ends the training early and
    restores the best epoch's weights; the history has all epochs. The caller must hold the lock of the run's checkpoint
    (`checkpoint.owned`) until it has saved the model. Raises NonFiniteLossError.

    If several ranks share the training (sanreid/process_group.py), only rank 0 validates, calls `watch`, writes and
    returns; the others end here by SystemExit.
    """
    process_group.refuse(f"{name}: trains")
    with distributed.together():
        trained = _fit(step, epochs, seed, run, name, watch, stop)
    if not process_group.first():
        sys.exit()
    return trained


def _fit(
    step: Step, epochs: int, seed: int, run: str, name: str, watch: Watch | None, stop: EarlyStop | None
) -> Trained:
    device = next(step.model.parameters()).device
    path = checkpoint.folder(run) / "history.csv"
    history = History(path if process_group.first() else None, step.terms, step.validation, board_folder(name))
    distributed.check_batches(lambda: step.batches(seed, 0))
    state = distributed.in_turn(lambda: checkpoint.load_state(run, device))
    seconds: list[float] = []
    first, taken = 0, 0
    if state is not None:
        seconds, first, taken = state["seconds"], state["epoch"], state["step"]
        step.model.load_state_dict(state["model"])
        for key, optimisation in step.optimisations.items():
            optimisation.load_state_dict(state["optimisations"][key])
        if stop is not None:
            stop.load_state_dict(state["stop"])
        runtime.log.info("%s: continuing after epoch %d of %d", name, first, epochs)
    history.start(state["history"] if state is not None else None)
    del state
    quiet = not (sys.stderr.isatty() and process_group.first())
    begun = time.monotonic()
    try:
        for epoch in range(first, epochs):
            if stop is not None and stop.done:
                break
            rows = _epoch(step, epoch, taken, seed, f"{name} {epoch + 1}/{epochs}", quiet)
            taken += len(rows)
            if step.validation:
                rows[-1].update(distributed.from_first(step.validate))
            finite_check.check_end(step.model, step.validation, rows[-1])
            distributed.check_same(step.model, epoch + 1)
            if watch is not None and process_group.first():
                watch(epoch + 1, path.parent)
            if stop is not None:
                stop.see(epoch + 1, rows[-1], step.model)
            history.append(rows)
            spent = time.monotonic() - begun
            seconds.append(spent - sum(seconds[first:]))
            checkpoint.save_state(
                run,
                {
                    "epoch": epoch + 1,
                    "step": taken,
                    "seconds": seconds,
                    "history": history.text,
                    "model": step.model.state_dict(),
                    "optimisations": {k: o.state_dict() for k, o in step.optimisations.items()},
                    "stop": None if stop is None else stop.state_dict(),
                },
            )
            _report(name, rows, epoch + 1, first, epochs, spent)
    finally:
        history.close()
    if stop is not None:
        stop.restore(step.model, name)
    warning = diverged(history.text, step.terms, stop.best_epoch if stop is not None else len(seconds))
    if warning:
        runtime.log.warning("%s: %s", name, warning)
    return Trained(path, seconds, [warning] if warning else [])


def _epoch(step: Step, epoch: int, taken: int, seed: int, title: str, quiet: bool) -> list[dict[str, float]]:
    """One epoch; returns its rows."""
    draw = runtime.rng(seed, "epoch", epoch)
    generator = torch.Generator().manual_seed(int(draw.integers(2**62)))
    torch.manual_seed(int(draw.integers(2**62)))  # for networks with dropout: determined by the epoch too
    batches = step.batches(seed, epoch)
    step.model.train()
    rows: list[dict[str, float]] = []
    waiting: list[dict[str, torch.Tensor]] = []
    look = _LOOK_EVERY if next(step.model.parameters()).is_cuda else 1
    for index, batch in enumerate(tqdm(batches, desc=title, leave=False, disable=quiet)):
        rates = [o.at(epoch, index / len(batches)) for o in step.optimisations.values()]
        rows.append({"epoch": epoch + 1, "step": taken + index + 1, "lr": rates[0]})
        waiting.append(step(batch, generator))
        if len(waiting) == look or index + 1 == len(batches):
            finite_check.settle(rows[-len(waiting) :], waiting, step.terms, index + 2 - len(waiting), len(batches))
            waiting = []
    return rows


def _report(name: str, rows: list[dict[str, float]], epoch: int, first: int, epochs: int, spent: float) -> None:
    """Log one line per epoch: the means of the terms, and the time left."""
    each = spent / (epoch - first)
    columns = [c for c in rows[-1] if c not in ("epoch", "step", "lr")]
    means = {c: [row[c] for row in rows if c in row] for c in columns}
    text = "  ".join(f"{c} {sum(v) / len(v):.4g}" for c, v in means.items())
    seconds = round(each * (epochs - epoch))
    left = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"  # hours above 24 too
    runtime.log.info("%s: epoch %d/%d  %s  (%.1f s an epoch, %s left)", name, epoch, epochs, text, each, left)


def autocast(compute: Compute, device: torch.device) -> AbstractContextManager:
    """`runtime.autocast` with the precision of `compute`."""
    return runtime.autocast(compute.precision, device)


def place(model: M, compute: Compute, device: torch.device) -> M:
    """Move `model` to the device in the memory format of `compute`, set CUDA's switches, and return `model`."""
    if device.type == "cuda":
        settle_cuda(compute)
    batch_norm.synchronise(model.to(device))
    return model.to(memory_format=torch.channels_last) if compute.channels_last else model


def settle_cuda(compute: Compute) -> None:
    """Set torch's CUDA switches for the process; a CPU is deterministic without them.

    `deterministic`: kernels that sum in a fixed order, so that a resumed run equals an uninterrupted one bit for bit
    (on the same kind of GPU, with the same torch); an operation without such a kernel gives a warning. Otherwise cuDNN
    tries several kernels and takes the fastest, which may change after a restart. TF32 is used for convolutions only,
    because the losses' distances are differences of large sums and would lose precision.
    """
    if compute.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
    torch.use_deterministic_algorithms(compute.deterministic, warn_only=True)
    # finds bugs, and costs a pass over each new tensor
    torch.utils.deterministic.fill_uninitialized_memory = False  # pyrefly: ignore
    torch.backends.cudnn.benchmark = not compute.deterministic
    torch.backends.cudnn.allow_tf32 = compute.precision != "float32"


def compiled(forward: F, compute: Compute) -> F:
    """A network's `forward`, compiled if `compute` asks for it; parameters, names and checkpoints do not change."""
    return cast(F, torch.compile(forward, dynamic=False)) if compute.compile else forward
