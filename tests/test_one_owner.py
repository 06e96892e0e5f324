"""What DVC starts, and what outlives it: one training has one owner, and a stage runs the code of its own tree.

What it asserts: DVC alone is killed in a training, and the same command right afterwards ends as an undisturbed run
does; a second run beside a live one waits and says for whom; a queued experiment runs the code that its commit holds.
"""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.processes import alive, below, wait_for
from tests.workspace import Workspace

pytestmark = pytest.mark.slow

STAGE = "train_mnist_classifier@perceptron"
MODEL = "models/mnist/classifiers/perceptron"
EPOCHS = 150


@pytest.fixture(scope="module")
def workspace(root, tmp_path_factory, cache, kernels) -> Workspace:
    made = Workspace(root, tmp_path_factory.mktemp("project"), cache, kernels=kernels)
    perceptron = {"network": {"kind": "perceptron", "hidden": 16}, "epochs": EPOCHS}
    made.edit({"train_mnist_classifier.models": {"perceptron": perceptron}})
    made.repro("extract_mnist")
    return made


def start(workspace: Workspace, shell: str) -> subprocess.Popen:
    """DVC, training, as a user starts it; `dvc` starts stages by $SHELL, and by /bin/sh where none is set."""
    command, env = ["dvc", "repro", "--force", "--single-item", STAGE], workspace.env | {"SHELL": shell}
    return subprocess.Popen(command, cwd=workspace.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def training(workspace: Workspace) -> bool:
    return any((workspace.folder / ".checkpoints").glob("*/state.pt"))


def forget(workspace: Workspace) -> None:
    """Nothing of the training is left; DVC is told `--force`, or it would restore it."""
    for name in ("models", ".checkpoints"):
        shutil.rmtree(workspace.folder / name, ignore_errors=True)


def results(workspace: Workspace) -> dict[str, bytes]:
    """The model folder, less what tells how long it took."""
    folder = workspace.folder / MODEL
    took = json.loads((folder / "training.json").read_text())
    assert (took["epochs"], took["warnings"]) == (EPOCHS, [])
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "training.json"}


def leftovers(folder: Path) -> list[Path]:
    return [p for p in folder.rglob(".*") if p.name.endswith((".partial", ".lock"))]


@pytest.fixture(scope="module")
def undisturbed(workspace) -> dict[str, bytes]:
    forget(workspace)
    workspace.repro("--force", "--single-item", STAGE)
    return results(workspace)


# dash stays between DVC and the stage, bash does not
@pytest.mark.parametrize(("shell", "patience"), [("/bin/sh", 0.0), ("/bin/bash", 3.0)])
def test_dvc_alone_is_killed_and_the_same_command_ends_as_if_nothing_had_been(workspace, undisturbed, shell, patience):
    forget(workspace)
    dvc = start(workspace, shell)
    try:
        wait_for(lambda: training(workspace), 60)
    finally:
        started = below(dvc.pid)
        os.kill(dvc.pid, signal.SIGKILL)
        dvc.communicate()
    assert started
    if patience:
        wait_for(lambda: not any(map(alive, started)), 10)  # they end with the DVC that started them
    workspace.repro("--force", "--single-item", STAGE)
    assert not any(map(alive, started))
    assert results(workspace) == undisturbed
    assert leftovers(workspace.folder / "models") == []
    assert list((workspace.folder / ".checkpoints").iterdir()) == []


def test_a_second_process_with_the_same_training_waits_and_logs_the_owner(workspace, undisturbed):
    forget(workspace)
    words = ["python", "stages/train_mnist_classifier.py", "--images", "data/interim/mnist", "--model", "perceptron"]

    def train() -> subprocess.Popen:
        command, env = [*words, "--out", MODEL], workspace.env | {"PYTHONPATH": "src"}
        return subprocess.Popen(command, cwd=workspace.folder, env=env, stderr=subprocess.PIPE, text=True)

    first = train()
    wait_for(lambda: training(workspace), 60)
    first.send_signal(signal.SIGSTOP)  # alive, and in no hurry
    second = train()
    assert second.stderr is not None
    said = second.stderr.readline()
    assert said.startswith("mnist/classifiers/perceptron: its checkpoint .checkpoints/")
    assert said.endswith(f"process {first.pid} on {os.uname().nodename} is at it; waiting until that ends\n")
    first.send_signal(signal.SIGCONT)
    for child in (first, second):
        child.communicate(timeout=120)
        assert child.returncode == 0
    assert results(workspace) == undisturbed
    assert leftovers(workspace.folder) == []


def test_a_queued_experiment_runs_the_code_that_its_commit_holds(workspace):
    """The edit is undone before the queue starts; the package that is installed never had it."""
    folder = workspace.folder
    for words in (["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"]):
        workspace.run("git", *words)
    source = folder / "src/sanreid/data/index.py"
    before = source.read_text()
    source.write_text(before.replace('"images": len(table),', '"images": len(table), "edited": True,', 1))
    assert source.read_text() != before
    workspace.run("dvc", "exp", "run", "--queue", "--name", "edited", "extract_mnist")
    source.write_text(before)
    workspace.run("dvc", "exp", "run", "--run-all")
    apply = ["dvc", "exp", "apply", "edited"]  # ends with the outputs of stages that nobody ran
    subprocess.run(apply, cwd=folder, env=workspace.env, capture_output=True, check=False)
    assert '"edited": True' in source.read_text()
    assert json.loads((folder / "data/interim/mnist/summary.json").read_text())["edited"] is True
