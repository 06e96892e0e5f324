"""The loop with a toy step: history, exact resume after a crash and after SIGKILL, the stop on a bad loss."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from sanreid.params import validate
from sanreid.training import checkpoint, loop, optim

OPTIMISER = {
    "name": "amsgrad",
    "lr": 0.01,
    "weight_decay": 0.0005,
    "betas": [0.9, 0.999],
    "schedule": "cosine",
    "milestones": [],
    "warm_up": {"kind": "published", "epochs": 1, "start": 0.01, "factor": 1.259},
}
EPOCHS = 5  # one of warm-up and four counted


class Toy:
    """A step that draws from the epoch's generator, from torch's own (dropout) and keeps running statistics."""

    terms = ("fit", "size")
    validation = ("validation_fit",)

    def __init__(self, at_call=None):
        torch.manual_seed(3)
        self.first = nn.Linear(4, 8)
        self.model = nn.Sequential(self.first, nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1))
        section = validate(OPTIMISER, optim.Optimiser, "optimiser")
        self.optimisations = {"main": optim.Optimisation(self.model.parameters(), section, EPOCHS - 1)}
        self.data = torch.randn(24, 4, generator=torch.Generator().manual_seed(1))
        self.calls, self.at_call = 0, at_call

    def batches(self, seed, epoch):
        order = torch.randperm(24, generator=torch.Generator().manual_seed(100 * seed + epoch))
        return list(order.split(6))

    def __call__(self, batch, generator):
        self.calls += 1
        if self.at_call:
            self.at_call(self.calls)
        x = self.data[batch] + 0.1 * torch.randn(len(batch), 4, generator=generator)
        fit = (self.model(x) - x.sum(1, keepdim=True)).pow(2).mean()
        size = self.first.weight.abs().mean()
        self.optimisations["main"].zero_grad()
        (fit + 0.1 * size).backward()
        self.optimisations["main"].step()
        return {"fit": fit.detach(), "size": size.detach()}

    def validate(self):
        self.model.eval()
        with torch.no_grad():
            return {"validation_fit": float((self.model(self.data) - self.data.sum(1, keepdim=True)).pow(2).mean())}


def train(run, at_call=None, watch=None):
    step = Toy(at_call)
    path = loop.fit(step, epochs=EPOCHS, seed=7, run=run, name="toy", watch=watch).history
    return path.read_bytes(), step.model.state_dict()


class CrashError(Exception):
    pass


def crash_at(call):
    def at_call(calls):
        if calls == call:
            raise CrashError

    return at_call


@pytest.mark.parametrize("call", [1, 3, 5, 8, 9, 20])
def test_a_crash_in_any_epoch_leaves_no_trace(call):
    history, weights = train("whole")
    with pytest.raises(CrashError):
        train("broken", crash_at(call))
    again_history, again_weights = train("broken")
    assert again_history == history
    assert all(torch.equal(again_weights[k], weights[k]) for k in weights)


def test_a_row_written_after_the_last_checkpoint_does_not_stay():
    history, _ = train("whole")
    with pytest.raises(CrashError):
        train("broken", crash_at(10))
    with (checkpoint.folder("broken") / "history.csv").open("a") as file:
        file.write("3,9,0.1,half a row")
    assert train("broken")[0] == history


def test_a_finished_run_is_not_trained_again():
    history, weights = train("whole")
    step = Toy()
    path = loop.fit(step, epochs=EPOCHS, seed=7, run="whole", name="toy").history
    assert step.calls == 0
    assert path.read_bytes() == history
    assert all(torch.equal(step.model.state_dict()[k], weights[k]) for k in weights)


def test_a_watch_sees_every_epoch_once_and_what_it_keeps_outlives_a_crash():
    def watch(epoch, folder):
        seen.append((epoch, checkpoint.load_state("r", torch.device("cpu")) is None))
        (folder / f"epoch{epoch}").write_text("kept")
        torch.rand(3)  # no epoch after it depends on what was drawn here

    seen = []
    with pytest.raises(CrashError):
        train("r", crash_at(10), watch)
    history, weights = train("r", watch=watch)
    assert seen == [(1, True), (2, False), (3, False), (4, False), (5, False)]
    kept = {p.name for p in checkpoint.folder("r").iterdir()}
    assert kept == {"state.pt", "history.csv", *(f"epoch{i}" for i in range(1, 6))}
    plain_history, plain_weights = train("plain")
    assert history == plain_history
    assert all(torch.equal(weights[k], plain_weights[k]) for k in weights)


def test_the_seed_and_the_epoch_decide_the_draws():
    seen = []

    class Noting(Toy):
        def __call__(self, batch, generator):
            seen.append((tuple(batch.tolist()), float(torch.rand(1, generator=generator)), float(torch.rand(1))))
            return super().__call__(batch, generator)

    loop.fit(Noting(), epochs=2, seed=7, run="a", name="toy")
    loop.fit(Noting(), epochs=2, seed=7, run="b", name="toy")
    loop.fit(Noting(), epochs=2, seed=8, run="c", name="toy")
    a, b, c = seen[:8], seen[8:16], seen[16:]
    assert a == b
    assert len({x[1] for x in a + c}) == 16
    assert len({x[2] for x in a + c}) == 16


def test_history_names_every_term_of_every_step():
    path = loop.fit(Toy(), epochs=2, seed=7, run="r", name="toy").history
    rows = list(csv.DictReader(path.open()))
    assert list(rows[0]) == ["epoch", "step", "lr", "fit", "size", "validation_fit"]
    assert [(r["epoch"], r["step"]) for r in rows] == [(str(1 + i // 4), str(1 + i)) for i in range(8)]
    assert [r["validation_fit"] != "" for r in rows] == [False, False, False, True] * 2
    assert float(rows[0]["lr"]) == pytest.approx(1e-4)
    assert float(rows[4]["lr"]) == pytest.approx(0.01)


def test_tensorboard_gets_the_same_terms(tmp_path, monkeypatch):
    monkeypatch.setenv("SANREID_RUNS", str(tmp_path / "runs"))
    loop.fit(Toy(), epochs=2, seed=7, run="r", name="toy/seed7")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "runs" / "toy" / "seed7")).Reload()
    assert [e.step for e in events.Scalars("fit")] == list(range(1, 9))
    assert sorted(events.Tags()["scalars"]) == ["fit", "lr", "size", "validation_fit"]  # pyrefly: ignore


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_run_by_name(bad):
    class Bad(Toy):
        def __call__(self, batch, generator):
            terms = super().__call__(batch, generator)
            return {**terms, "size": terms["size"] * bad} if self.calls == 7 else terms

    with pytest.raises(loop.NonFiniteLossError, match=r"'size' is (nan|inf) at epoch 2, batch 3 of 4"):
        loop.fit(Bad(), epochs=EPOCHS, seed=7, run="bad", name="toy")
    kept = checkpoint.load_state("bad", torch.device("cpu"))
    assert kept is not None
    assert kept["epoch"] == 1  # nothing spoilt was kept


def test_the_cpu_computes_in_float32():
    compute = loop.Compute(precision="bfloat16", channels_last=False, compile=False, deterministic=True)
    layer = nn.Linear(4, 4)
    with loop.autocast(compute, torch.device("cpu")):
        assert layer(torch.ones(2, 4)).dtype == torch.float32


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_the_settings_decide_how_cuda_computes(precision, deterministic, monkeypatch):
    cudnn, before = torch.backends.cudnn, torch.are_deterministic_algorithms_enabled()
    kept = cudnn.benchmark, cudnn.allow_tf32
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "to be restored")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    try:
        loop.settle_cuda(
            loop.Compute(precision=precision, channels_last=True, compile=False, deterministic=deterministic)
        )
        assert torch.are_deterministic_algorithms_enabled() == deterministic
        assert torch.is_deterministic_algorithms_warn_only_enabled()  # no run ends for want of a kernel
        assert ("CUBLAS_WORKSPACE_CONFIG" in os.environ) == deterministic
        assert cudnn.benchmark != deterministic
        assert cudnn.allow_tf32 == (precision != "float32")
        assert torch.get_float32_matmul_precision() == "highest"
    finally:
        torch.use_deterministic_algorithms(before)
        cudnn.benchmark, cudnn.allow_tf32 = kept


def test_the_cpu_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(loop, "settle_cuda", lambda compute: pytest.fail("switched CUDA for the CPU"))
    compute = loop.Compute(precision="bfloat16", channels_last=True, compile=False, deterministic=True)
    placed = loop.place(nn.Conv2d(3, 4, 3), compute, torch.device("cpu"))
    assert placed.weight.is_contiguous(memory_format=torch.channels_last)


def _killed(folder: Path) -> None:
    """Run by the next test in a process of its own: slow steps, so that it can be killed between and within epochs."""
    os.environ["SANREID_CHECKPOINTS"], os.environ["SANREID_RUNS"] = str(folder), ""
    torch.set_num_threads(1)

    def slowly(calls):
        (folder / "calls").write_text(str(calls))
        time.sleep(0.1)

    train("killed", slowly)


@pytest.mark.slow
def test_a_run_killed_with_sigkill_ends_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("SANREID_CHECKPOINTS", str(tmp_path))
    torch.set_num_threads(1)
    history, weights = train("whole")
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        f"import test_loop as t; t._killed(t.Path({str(tmp_path)!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    (tmp_path / "calls").unlink(missing_ok=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        text = (tmp_path / "calls").read_text() if (tmp_path / "calls").exists() else ""
        if text and int(text) >= 6:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert (tmp_path / "killed" / "state.pt").is_file()
    again_history, again_weights = train("killed")
    assert again_history == history
    assert all(torch.equal(again_weights[k], weights[k]) for k in weights)


def test_a_run_that_diverged_says_so(caplog):
    class Explodes(Toy):
        def __call__(self, batch, generator):
            terms = super().__call__(batch, generator)
            return {**terms, "size": terms["size"] + 10.0**self.calls}

    trained = loop.fit(Explodes(), epochs=2, seed=7, run="r", name="models/toy")
    assert "models/toy: the losses of epoch 2 sum up to" in caplog.text
    assert "has diverged" in trained.warnings[0]
    assert trained.record() == {"epochs": 2, "warnings": trained.warnings}
    assert loop.fit(Toy(), epochs=2, seed=7, run="s", name="toy").warnings == []


def test_what_validation_measures_and_the_last_steps_weights_are_not_kept_if_not_finite():
    class Measures(Toy):
        def validate(self):
            return {"validation_fit": float("nan")}

    class Breaks(Toy):
        def __call__(self, batch, generator):
            terms = super().__call__(batch, generator)
            if self.calls == 8:  # the last of the second epoch: no loss tells
                next(self.model.parameters()).data.fill_(float("inf"))
            return terms

        def validate(self):
            return {"validation_fit": 0.0}

    with pytest.raises(loop.NonFiniteLossError, match="validation_fit is nan at epoch 1"):
        loop.fit(Measures(), epochs=2, seed=7, run="m", name="toy")
    assert checkpoint.load_state("m", torch.device("cpu")) is None
    with pytest.raises(loop.NonFiniteLossError, match=r"weights '.*' are not finite after epoch 2"):
        loop.fit(Breaks(), epochs=2, seed=7, run="b", name="toy")
    kept = checkpoint.load_state("b", torch.device("cpu"))
    assert kept is not None
    assert kept["epoch"] == 1


@pytest.mark.parametrize("harm", ["history.csv", "state.pt"])
def test_damage_to_what_a_kill_left_changes_nothing(harm, caplog):
    whole, weights = train("whole")
    with pytest.raises(CrashError):
        train("harmed", at_call=crash_at(9))
    (checkpoint.folder("harmed") / harm).write_bytes(b"epoch,st")
    again, ours = train("harmed")
    assert again == whole
    assert all(torch.equal(ours[k], weights[k]) for k in weights)
    assert ("damaged; set aside" in caplog.text) == (harm == "state.pt")


def test_the_time_left_goes_beyond_a_day(caplog, monkeypatch):
    monkeypatch.setattr(loop.time, "monotonic", iter(range(0, 10**9, 86_400)).__next__)
    with caplog.at_level("INFO"):
        loop.fit(Toy(), epochs=3, seed=7, run="slow", name="toy")
    assert "48:00:00 left" in caplog.text
