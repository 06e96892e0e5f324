"""A real command is looked after: what it prints, its epochs, its memory, and the end of all its processes."""

import os
import time

from tests.processes import alive, wait_for
from tools import stage_process
from tools.stage_process import Epochs, Process


def started(command: str, tmp_path, clock=time.monotonic) -> Process:
    return Process(command, tmp_path, tmp_path / "logs" / "stage.log", os.environ, clock)


def test_status_output_and_memory_of_a_command(tmp_path):
    process = started("pwd; echo bad >&2; cat; exit 3", tmp_path)  # cat: there is no input to wait for
    wait_for(lambda: process.poll() is not None)
    assert process.poll() == 3
    assert process.lines == [str(tmp_path), "bad"]
    assert process.log.read_text() == f"{tmp_path}\nbad\n"
    assert process.epochs() is process.left() is None


def test_the_pace_is_that_of_the_epochs_after_the_first(tmp_path):
    moments = [0.0]
    go = tmp_path / "go"
    told = "echo 'san/seed0: epoch {}/9  id 4.2  (3.0 s an epoch, 00:00:20 left)'"
    told += "; while [ ! -e go ]; do sleep 0.01; done; rm go"
    process = started("; ".join(told.format(n) for n in (1, 2, 4)), tmp_path, lambda: moments[0])

    def epoch(number: int, moment: float) -> None:
        moments[0] = moment
        if number > 1:
            go.touch()
        wait_for(lambda: process.epochs() is not None and process.epochs().done == number)

    wait_for(lambda: process.epochs() is not None)
    assert process.epochs() == Epochs(1, 9, None)
    assert process.left() is None
    epoch(2, 10.0)
    assert process.epochs() == Epochs(2, 9, 10.0)
    assert process.left() == 70
    epoch(4, 20.0)
    assert process.epochs().each == 20 / 3
    moments[0] = 30.0
    assert abs(process.left() - (5 * 20 / 3 - 10)) < 1e-9
    assert process.poll() is None
    assert process.peak_mb > 0
    process.stop()
    moments[0] += 1
    wait_for(lambda: process.poll() is not None)


def test_a_command_ends_with_its_last_process_and_that_in_order(tmp_path):
    child = "trap 'sleep 0.2; echo unwound > done; exit' TERM; echo $$ > pid; while :; do sleep 0.05; done"
    process = started(f'sh -c "{child.replace("$", chr(92) + "$")}" & wait', tmp_path)
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    pid = int((tmp_path / "pid").read_text())
    assert pid in stage_process.group(process.process.pid)
    process.stop()
    wait_for(lambda: process.poll() is not None)
    assert (tmp_path / "done").read_text() == "unwound\n"  # the shell above it died at once
    assert not alive(pid)


def test_what_does_not_hear_is_killed(tmp_path):
    moments = [0.0]
    process = started("trap '' TERM; echo ready; while :; do sleep 0.05; done", tmp_path, lambda: moments[0])
    wait_for(lambda: process.lines == ["ready"])
    process.stop()
    moments[0] = stage_process.GRACE
    assert process.poll() is None
    moments[0] += 1
    wait_for(lambda: process.poll() is not None)
    assert process.poll() == -9
