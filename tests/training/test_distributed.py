"""One training over two processes: the results of one process, one error for all, and nothing left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from sanreid import process_group, runtime
from sanreid.params import validate
from sanreid.training import batch_norm, distributed, loop, optim
from stages import train_san as stage
from tests import yamls
from tests.stages import toy_san as toy
from tests.stages import toy_train_san
from tests.training import test_strong, toy_ranks

SCRIPT = str(Path(toy_ranks.__file__))
RUNS = ("san_joint", "san_alternating", "san_pg", "strong", "aligned")


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    own = {"SANREID_CHECKPOINTS": str(tmp_path / "checkpoints"), "SANREID_RUNS": "", "TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir(exist_ok=True)
    own["CUDA_VISIBLE_DEVICES"] = ""  # two processes on the CPU, where there is a GPU too
    path = os.pathsep.join([str(toy_ranks.ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"PYTHONPATH": path, process_group.ASKED: "2", "OMP_NUM_THREADS": "1"} | own | more


def two(tmp_path: Path, words: list[str], **more: str) -> subprocess.Popen:
    """Start a command on two ranks."""
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *words], env=environment(tmp_path, **more), **pipes)


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> tuple[Path, Path]:
    """What `toy_ranks` leaves by one process and by two, on the CPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "device", lambda: torch.device("cpu"))
        return trained(tmp_path_factory.mktemp("ranks"), patch)


def trained(place: Path, patch: pytest.MonkeyPatch, **more: str) -> tuple[Path, Path]:
    """`both`, on the device of this process and by the environment `more`."""
    torch.set_num_threads(1)
    patch.setenv("SANREID_CHECKPOINTS", str(place / "checkpoints"))
    patch.setenv("SANREID_RUNS", "")
    toy_ranks.train(place / "one")
    process = two(place, [SCRIPT, "--out", str(place / "two")], **more)
    told = process.communicate(timeout=300)[1]
    assert process.returncode == 0, told
    assert told.count("strong: epoch 2/2") == 1  # one speaks for all
    assert not list((place / "tmp").glob("sanreid-*"))
    return place / "one", place / "two"


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS)
def test_two_ranks_give_the_results_of_one_process(both, run):
    """The gradients tell it to rounding; Adam's steps enlarge that where a gradient is small."""
    one, shared = ({f.stem: load_file(f) for f in (place / run).glob("*.safetensors")} for place in both)
    rows, theirs = (pd.read_csv(place / run / "history.csv") for place in both)
    assert list(rows) == list(theirs)
    assert len(rows) > 1
    assert ((rows - theirs).abs() <= 5e-4 * rows.abs() + 1e-7).all(axis=None)
    assert all(torch.equal(one["start"][k], v) for k, v in shared["start"].items())
    assert one["gradients"].keys() == shared["gradients"].keys()
    for name, gradient in one["gradients"].items():
        apart = (shared["gradients"][name] - gradient).norm()
        assert apart <= 1e-4 * gradient.norm() + 1e-5, name
    assert one["weights"].keys() == shared["weights"].keys()  # no prefix of anybody's
    names = list(one["gradients"])
    way, apart = (
        torch.cat([(a[n] - b[n]).reshape(-1) for n in names]).norm()
        for a, b in ((one["weights"], one["start"]), (one["weights"], shared["weights"]))
    )
    assert apart < 0.03 * way
    for name, values in one["weights"].items():
        if "running" in name:
            assert torch.allclose(values, shared["weights"][name], rtol=0.005, atol=0.005 * float(values.abs().max()))


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_ranks(tmp_path, monkeypatch):
    """By the stage's own command: what one process began, two end, with its outputs, and nothing else is left."""
    monkeypatch.setattr(runtime, "device", lambda: torch.device("cpu"))
    folders = toy_train_san.write(tmp_path / "data")
    whole = toy_train_san.train(folders, tmp_path / "whole", "san", seed=1)
    report = loop._report

    def stop(*args):
        report(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop, "_report", stop)
        toy_train_san.train(folders, tmp_path / "out", "san", seed=1)
    sections = {"train_san": toy_train_san.SECTION, "san": toy.ARCHITECTURE}
    (tmp_path / "params.yaml").write_text(yamls.dump(sections))
    options = {"images": folders[0], "prepared": folders[1], "variant": "san", "seed": 1, "out": tmp_path / "out"}
    words = [str(stage.__file__), "--params", str(tmp_path / "params.yaml")]
    process = two(tmp_path, words + [str(word) for k, v in options.items() for word in (f"--{k}", v)])
    told = process.communicate(timeout=300)[1]
    assert process.returncode == 0, told
    assert "continuing after epoch 1 of 2" in told
    assert {p.name for p in (tmp_path / "out").rglob("*")} == {p.name for p in whole.rglob("*")}
    rows, theirs = (pd.read_csv(folder / "history.csv") for folder in (whole, tmp_path / "out"))
    first = rows["epoch"] == 1
    assert rows[first].equals(theirs[first])
    assert ((rows - theirs).abs() <= 0.02 * rows.abs() + 1e-7).all(axis=None)
    assert not list((tmp_path / "tmp").iterdir())
    assert not list((tmp_path / "checkpoints").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trouble", "status", "words"),
    [
        ("nan", 1, "toy_ranks: loss term 'id' is nan at epoch 1, batch 1 of 3"),
        ("killed", 1, "rank 1 of 2 was ended by signal 9; was the memory enough for all?"),
    ],
)
def test_all_end_with_the_one_error_of_the_one_that_failed(tmp_path, trouble, status, words):
    process = two(tmp_path, [SCRIPT, "--out", str(tmp_path / "out"), "--trouble", trouble])
    told = process.communicate(timeout=120)[1]
    assert process.returncode == status
    assert len(told.splitlines()) == 1, told
    assert told.startswith(words)
    assert not list(tmp_path.glob(".out0*"))  # what was killed could not unwind


def test_with_one_process_everything_returns_what_it_was_given():
    value, model = torch.ones(3), test_strong.step().model
    assert distributed.gather(value) is value
    assert distributed.mean(value) is value
    assert process_group.share(value) is value
    assert distributed.from_first(lambda: value) is value
    kinds = [type(m) for m in model.modules()]
    assert [type(m) for m in batch_norm.synchronise(model).modules()] == kinds
    section = validate(toy.OPTIMISER, optim.Optimiser, "optimiser")
    assert optim.Optimisation(model.parameters(), section, 1).sums is None
    assert not torch.distributed.is_initialized()


def test_a_training_for_one_process_refuses_several_in_a_line(monkeypatch):
    monkeypatch.setenv(process_group.ASKED, "2")
    with pytest.raises(ValueError, match=r"^toy: trains on one GPU alone, and 2 were asked for; set SANREID_RANKS"):
        loop.fit(test_strong.step(), epochs=2, seed=0, run="x", name="toy")


def test_a_batch_that_cannot_be_shared_evenly_is_refused(monkeypatch):
    monkeypatch.setattr(process_group, "_here", (0, 4))
    distributed.check_batches(lambda: [torch.arange(8)])
    with pytest.raises(ValueError, match="SANREID_RANKS: 4 GPUs cannot share a batch of 6 pictures evenly"):
        distributed.check_batches(lambda: [torch.arange(6)])


def test_ranks_whose_weights_differ_are_told(monkeypatch):
    monkeypatch.setattr(process_group, "_here", (1, 2))
    monkeypatch.setattr(distributed.distributed, "broadcast", lambda sums, source: sums.add_(1e-9))
    with pytest.raises(distributed.RanksDisagreeError, match="rank 1 has other weights than the first after epoch 3"):
        distributed.check_same(test_strong.step().model, 3)


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="fewer than two CUDA devices")
def test_two_gpus_give_the_results_of_one(tmp_path, monkeypatch):
    """The first of them alone, and both, by NCCL."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES") or "0,1"
    both = trained(tmp_path, monkeypatch, CUDA_VISIBLE_DEVICES=",".join(visible.split(",")[:2]))
    for run in RUNS:
        test_two_ranks_give_the_results_of_one_process(both, run)
