"""Early stopping against a plain loop over scripted values; its best weights; exact resume after a kill."""

import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from sanreid.training import checkpoint, loop
from sanreid.training.early_stop import EarlyStop
from tests.training.test_loop import EPOCHS, CrashError, Toy, crash_at

SCRIPT = (3.0, 2.0, 2.5, 2.0, 9.0)  # best at epoch 2; epoch 4 only equals it
CALLS = 4  # steps an epoch of the toy


class Scripted(Toy):
    """The toy, whose validation is the script's value of the epoch."""

    script = SCRIPT

    def batches(self, seed, epoch):
        self.epoch = epoch
        return super().batches(seed, epoch)

    def validate(self):
        super().validate()
        return {"validation_fit": self.script[self.epoch]}


def train(run, patience, at_call=None, script=SCRIPT, better="smaller"):
    """History's bytes, the weights left in the model, the stop, and the weights after each epoch."""
    step, seen = Scripted(at_call), {}
    step.script = script
    stop = EarlyStop("validation_fit", patience, better)

    def watch(epoch, folder):
        seen[epoch] = {k: v.clone() for k, v in step.model.state_dict().items()}

    path = loop.fit(step, epochs=EPOCHS, seed=7, run=run, name="toy", watch=watch, stop=stop).history
    return path.read_bytes(), step.model.state_dict(), stop, seen


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize(("patience", "last"), [(1, 3), (2, 4), (3, 5), (9, 5)])
def test_it_stops_when_patience_runs_out_and_leaves_the_best_weights(patience, last):
    history, weights, stop, seen = train("r", patience)
    assert list(seen) == list(range(1, last + 1))
    assert (stop.best, stop.best_epoch, stop.last_epoch) == (2.0, 2, last)
    assert same(weights, seen[2])
    assert not same(weights, seen[last])
    assert history.count(b"\n") == 1 + CALLS * last  # every epoch trained is on record


def test_greater_may_be_better():
    _, weights, stop, seen = train("r", 1, script=(0.1, 0.4, 0.4, 0.9, 1.0), better="greater")
    assert (stop.best_epoch, stop.last_epoch) == (2, 3)
    assert same(weights, seen[2])


@pytest.mark.parametrize("better", ["smaller", "greater"])
def test_any_curve_against_a_plain_loop(better):
    draw, model = random.Random(5), nn.Linear(1, 1)
    for _ in range(200):
        curve, patience = [draw.randrange(6) for _ in range(12)], draw.randrange(1, 5)
        stop = EarlyStop("v", patience, better)
        epochs = 0
        while epochs < len(curve) and not stop.done:
            epochs += 1
            stop.see(epochs, {"v": float(curve[epochs - 1])}, model)
        end = len(curve)
        for e in range(1, len(curve) + 1):
            so_far = curve[:e]
            first_best = so_far.index(min(so_far) if better == "smaller" else max(so_far)) + 1
            if e - first_best == patience:
                end = e
                break
        so_far = curve[:end]
        assert epochs == end
        assert stop.best_epoch == so_far.index(min(so_far) if better == "smaller" else max(so_far)) + 1


def test_without_it_nothing_changes():
    step = Scripted()
    path = loop.fit(step, epochs=EPOCHS, seed=7, run="plain", name="toy").history
    history, _, _, seen = train("r", 9)
    assert path.read_bytes() == history
    assert same(step.model.state_dict(), seen[EPOCHS])


@pytest.mark.parametrize("call", [1, 4, 5, 9, 12, 13, 16])
def test_a_crash_in_any_epoch_leaves_no_trace(call):
    history, weights, _, _ = train("whole", 2)
    with pytest.raises(CrashError):
        train("broken", 2, crash_at(call))
    again, again_weights, stop, _ = train("broken", 2)
    assert again == history
    assert same(again_weights, weights)
    assert (stop.best_epoch, stop.last_epoch) == (2, 4)


def test_a_stopped_run_is_not_trained_again():
    history, weights, _, _ = train("r", 1)
    again, again_weights, stop, seen = train("r", 1)
    assert seen == {}
    assert again == history
    assert same(again_weights, weights)
    assert (stop.best, stop.best_epoch, stop.last_epoch) == (2.0, 2, 3)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_value_that_is_not_finite_is_named_and_not_kept(bad):
    with pytest.raises(ValueError, match=r"validation_fit is (nan|inf) at epoch 3"):
        train("r", 2, script=(3.0, 2.0, bad, 1.0, 1.0))
    state = checkpoint.load_state("r", torch.device("cpu"))
    assert state is not None
    assert (state["epoch"], state["stop"]["best_epoch"]) == (2, 2)


def test_what_cannot_stop_is_refused():
    with pytest.raises(ValueError, match="patience: 0"):
        EarlyStop("validation_fit", 0)
    with pytest.raises(ValueError, match=r"waits for 'mAP'.*validation_fit"):
        loop.fit(Scripted(), epochs=2, seed=7, run="r", name="toy", stop=EarlyStop("mAP", 2))


def _killed(folder: Path) -> None:
    """Run by the next test in a process of its own: slow steps, so that the kill falls after the best epoch."""
    os.environ["SANREID_CHECKPOINTS"], os.environ["SANREID_RUNS"] = str(folder), ""
    torch.set_num_threads(1)

    def slowly(calls):
        (folder / "calls").write_text(str(calls))
        time.sleep(0.1)

    train("killed", 2, slowly)


@pytest.mark.slow
def test_a_run_killed_with_sigkill_stops_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("SANREID_CHECKPOINTS", str(tmp_path))
    torch.set_num_threads(1)
    history, weights, _, _ = train("whole", 2)
    root = Path(__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r})\n"
        f"import tests.training.test_early_stop as t; t._killed(t.Path({str(tmp_path)!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=root)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        text = (tmp_path / "calls").read_text() if (tmp_path / "calls").exists() else ""
        if text and int(text) >= 2 * CALLS + 2:  # within epoch 3
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    state = checkpoint.load_state("killed", torch.device("cpu"))
    assert state is not None
    assert state["stop"]["best_epoch"] == 2
    again, again_weights, stop, _ = train("killed", 2)
    assert again == history
    assert same(again_weights, weights)
    assert stop.last_epoch == 4
