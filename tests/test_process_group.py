"""How the processes of one training start and end together; torch's part is in tests/training/test_distributed.py."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sanreid import process_group
from tests.processes import alive, below, wait_for

SCRIPT = """
import os, pathlib, sys, time
from sanreid import params, process_group, runtime
process_group._join = lambda count: None
def main(out: pathlib.Path, fails: int = -1) -> None:
    number = int(os.environ["RANK"])
    with runtime.atomic_folder(out.with_name(f"out{number}")):
        out.with_name(f"begun{number}").touch()
        if fails == number:
            raise ValueError(f"{number}.png: not readable")
        time.sleep(60)
params.run(main, process_group.launch)
"""


def begin(tmp_path: Path, *words: str) -> subprocess.Popen:
    """A command of two ranks that wait."""
    (tmp_path / "tmp").mkdir()
    given = os.environ | {process_group.ASKED: "2", "TMPDIR": str(tmp_path / "tmp")}
    command = [sys.executable, "-c", SCRIPT, "--out", str(tmp_path / "out"), *words]
    return subprocess.Popen(command, env=given, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_rank_outlives_the_command(tmp_path, number):
    process = begin(tmp_path)
    wait_for(lambda: all((tmp_path / f"begun{r}").is_file() for r in (0, 1)), 30)
    processes = below(process.pid)
    assert len(processes) == 2
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == (143 if number == signal.SIGTERM else -signal.SIGKILL)
    wait_for(lambda: not any(alive(pid) for pid in processes), 20)
    assert not list(tmp_path.glob(".out*"))  # all unwound
    assert number == signal.SIGKILL or not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize(
    ("fails", "told"), [(0, "-c: 0.png: not readable"), (1, "rank 1 of 2: -c: 1.png: not readabl")]
)
def test_the_error_of_one_rank_ends_all_and_is_reported_once(tmp_path, fails, told):
    process = begin(tmp_path, "--fails", str(fails))
    lines = process.communicate(timeout=60)[1].splitlines()
    assert process.returncode == 1
    assert len(lines) == 1
    assert lines[0].startswith(told)
    assert not list(tmp_path.glob(".out*"))
    assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("given", ["0", "-1", "two", "1.5"])
def test_what_is_no_number_of_processes_is_refused(monkeypatch, given):
    monkeypatch.setenv(process_group.ASKED, given)
    with pytest.raises(ValueError, match=f"SANREID_RANKS: '{given}' is no number of processes; give 1 or more"):
        process_group.launch()


def test_a_rank_takes_its_part_of_the_rows(monkeypatch):
    rows = np.arange(6)
    parts = []
    for here in ((0, 3), (1, 3), (2, 3)):
        monkeypatch.setattr(process_group, "_here", here)
        parts.append(process_group.share(rows).tolist())
    assert parts == [[0, 1], [2, 3], [4, 5]]


def test_what_the_ranks_share_is_made_once_until_they_have_it_open(tmp_path, monkeypatch):
    made = []

    def make(file: Path) -> None:
        made.append(file)
        file.write_text("whole")

    assert process_group.once("pictures", make) is None  # one process
    monkeypatch.setattr(process_group, "_here", (0, 2))
    assert process_group.once("pictures", make) is None  # torchrun's
    monkeypatch.setenv(process_group.SHELF, str(tmp_path))
    (tmp_path / "shared").mkdir()
    file = process_group.once("pictures", make)
    assert process_group.once("pictures", make) == file
    assert process_group.once("textures", make) != file
    assert len(made) == 2
    assert file is not None
    assert file.read_text() == "whole"
    process_group.clear()
    assert process_group.once("pictures", make) is None
