"""What an exact resume is: the same bytes of history and the same bits of weights as a run that was never killed."""

import random
import shutil
from collections.abc import Callable

import numpy as np
import pytest
import torch

from sanreid.training import checkpoint, loop


def check_every_epoch(make: Callable[[int], loop.Step], epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run `make(0)` unbroken, then continue from what a kill right after each epoch would have left on the disk.

    `make(seed)` builds the step anew, as a new process does; a resumed one begins with other weights and with every
    global generator elsewhere, so that nothing but the checkpoint can bring it to the same end.
    """
    save = checkpoint.save_state

    def and_keep(run, state):
        save(run, state)
        if run == "whole":
            shutil.copytree(checkpoint.folder(run), checkpoint.folder(f"after{state['epoch']}"))

    monkeypatch.setattr(checkpoint, "save_state", and_keep)
    step = make(0)
    history = loop.fit(step, epochs=epochs, seed=7, run="whole", name="toy").history.read_bytes()
    weights = {k: v.clone() for k, v in step.model.state_dict().items()}
    assert len(history.splitlines()) == 1 + epochs * len(step.batches(7, 0))
    for epoch in range(1, epochs):
        again = make(100 + epoch)
        start = again.model.state_dict()
        assert not all(torch.equal(start[k], weights[k]) for k in weights)
        for disturb in (random.seed, np.random.seed, torch.manual_seed):
            disturb(epoch)
        path = loop.fit(again, epochs=epochs, seed=7, run=f"after{epoch}", name="toy").history
        assert path.read_bytes() == history, f"history after a kill at epoch {epoch}"
        ended = again.model.state_dict()
        different = [k for k in weights if not torch.equal(ended[k], weights[k])]
        assert not different, f"weights after a kill at epoch {epoch}"
        for name, optimisation in again.optimisations.items():
            theirs = step.optimisations[name].state_dict()
            same_state(optimisation.state_dict(), theirs, f"{name} after a kill at epoch {epoch}")


def same_state(ours, theirs, where: str) -> None:
    """Nested states of optimizers, their tensors bit for bit."""
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), where
        for key in ours:
            same_state(ours[key], theirs[key], f"{where}: {key}")
    elif isinstance(ours, list | tuple):
        assert len(ours) == len(theirs), where
        for i, pair in enumerate(zip(ours, theirs, strict=True)):
            same_state(*pair, f"{where}: {i}")
    elif isinstance(ours, torch.Tensor):
        assert torch.equal(ours, theirs), where
    else:
        assert ours == theirs, where
