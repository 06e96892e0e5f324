"""One owner at a time, in threads and in processes, and nothing left lying about."""

import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sanreid import locks
from tests.processes import wait_for

HOLD = """
import pathlib, sys, time
from sanreid import locks
with locks.held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(path: Path) -> subprocess.Popen:
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_many_owners_come_one_after_the_other(tmp_path):
    inside, most, done = [0], [0], []

    def work() -> None:
        for _ in range(50):
            with locks.held(tmp_path / "out"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1
                done.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most[0], len(done)) == (1, 400)
    assert list(tmp_path.iterdir()) == []


def test_a_waiter_logs_the_owner_and_continues_when_it_is_killed(tmp_path, caplog):
    path = tmp_path / "out"
    child = holder(path)
    assert not locks.free(path)
    entered = threading.Event()

    def wait() -> None:
        with locks.held(path, "models/san"):
            entered.set()

    thread = threading.Thread(target=wait)
    with caplog.at_level(logging.WARNING):
        thread.start()
        wait_for(lambda: caplog.messages, 10)
    assert caplog.messages == [
        f"models/san: process {child.pid} on {os.uname().nodename} is at it; waiting until that ends"
    ]
    assert not entered.is_set()
    child.send_signal(signal.SIGKILL)
    thread.join(10)
    assert entered.is_set()
    child.wait()
    assert locks.free(path)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_owners_lock_file_blocks_nobody(tmp_path):
    child = holder(tmp_path / "out")
    child.kill()
    child.wait()
    assert [p.name for p in tmp_path.iterdir()] == [".out.lock"]
    assert locks.free(tmp_path / "out")
    with locks.held(tmp_path / "out"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_error_frees_it(tmp_path):
    with pytest.raises(KeyError), locks.held(tmp_path / "out"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []
