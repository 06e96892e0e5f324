"""A stage ends in order when it is asked to, and when the DVC that started it is gone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import alive, below, wait_for

STAGE = """
import pathlib, sys, time
from sanreid import runtime, stopping
stopping.orderly()
with runtime.atomic_folder(pathlib.Path(sys.argv[1])) as work:
    (work / "half").touch()
    pathlib.Path(sys.argv[2]).touch()
    {work}
"""
PYTHON = "time.sleep(60)"
DEAF = "import ctypes; ctypes.CDLL(None).sleep(1000) or ctypes.CDLL(None).sleep(1000)"  # hears no signal in Python


def command(tmp_path: Path, work: str = PYTHON) -> list[str]:
    return [sys.executable, "-c", STAGE.format(work=work), str(tmp_path / "out"), str(tmp_path / "begun")]


def begin(words: list[str], tmp_path: Path, **env: str) -> subprocess.Popen:
    child = subprocess.Popen(words, env=os.environ | env, stderr=subprocess.PIPE, text=True)
    wait_for((tmp_path / "begun").is_file, 30)
    return child


def test_sigterm_unwinds_and_leaves_nothing_half_written(tmp_path):
    child = begin(command(tmp_path), tmp_path)
    child.terminate()
    assert child.wait(5) == 143
    assert [p.name for p in tmp_path.iterdir()] == ["begun"]


DONE = """
import atexit, pathlib, sys, threading, time
from sanreid import params
folder = pathlib.Path(sys.argv[0]).parent
class Late:
    def __del__(self):
        (folder / "taken down").touch()
def main(out: pathlib.Path) -> None:
    global kept
    kept = Late()
    kept.itself = kept
    atexit.register((folder / "exit function").touch)
    def work():
        time.sleep(0.2)
        (folder / "thread").touch()
    threading.Thread(target=work).start()
    print("said", end="")
if __name__ == "__main__":
    params.run(main)
"""


@pytest.mark.parametrize("how", [[], ["-m", "cProfile", "-o", "profile"]])
def test_a_stage_that_is_done_does_all_but_take_its_modules_down(tmp_path, how):
    (tmp_path / "stage.py").write_text(DONE)
    words = [sys.executable, *how, str(tmp_path / "stage.py"), "--out", "out"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "said", "")
    left = {"stage.py", "thread", "exit function"} | ({"profile", "taken down"} if how else set())
    assert {p.name for p in tmp_path.iterdir() if p.name != "runs"} == left


def test_output_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "stage.py").write_text(DONE)
    words = [sys.executable, str(tmp_path / "stage.py"), "--out", "out"]
    env = os.environ | {"PYTHONUNBUFFERED": ""}
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, cwd=tmp_path, env=env, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 120
    assert "No space left on device" in done.stderr


@pytest.mark.slow
def test_a_step_that_hears_nothing_is_ended_within_ten_seconds(tmp_path):
    child = begin(command(tmp_path, DEAF), tmp_path)
    begun = time.monotonic()
    child.terminate()
    assert child.wait(20) in (143, -signal.SIGTERM)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("shell", [[], ["/bin/sh", "-c", '"$@"; true', "sh"], ["/bin/bash", "-c", '"$@"; true', "sh"]])
def test_a_stage_ends_with_the_dvc_that_started_it(tmp_path, shell):
    """`dvc` is a Python here that starts the stage as DVC does, by a shell or not, and is killed."""
    start = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    dvc = begin([sys.executable, "-c", start, *shell, *command(tmp_path)], tmp_path, DVC_STAGE="train")
    stages = below(dvc.pid)
    assert stages
    dvc.kill()
    wait_for(lambda: not any(alive(pid) for pid in stages), 10)
    assert [p.name for p in tmp_path.iterdir()] == ["begun"]
    dvc.wait()


def test_without_dvc_no_process_is_watched(tmp_path):
    start = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    starter = begin([sys.executable, "-c", start, *command(tmp_path)], tmp_path)
    (stage,) = below(starter.pid)
    starter.kill()
    starter.wait()
    time.sleep(1.5)
    assert alive(stage)
    os.kill(stage, signal.SIGTERM)
    wait_for(lambda: not alive(stage), 10)


def test_a_worker_ends_with_its_parent(tmp_path):
    worker = (
        "import sys, time; from sanreid import stopping; stopping.with_parent(); open(sys.argv[1], 'w'); time.sleep(60)"
    )
    start = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
    parent = begin([sys.executable, "-c", start, worker, str(tmp_path / "begun")], tmp_path)
    (pid,) = below(parent.pid)
    parent.kill()
    wait_for(lambda: not alive(pid), 10)
    parent.wait()
