"""Nothing of a supervised command outlives its end, its caller's end or a cancellation."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from flows import supervise
from flows.supervise import Group, Stopped
from tests.processes import alive, wait_for

STUBBORN = "trap '' TERM; echo $$; while :; do sleep 0.1; done"
# a command whose grandchild leaves the session, as a daemon would
RUNAWAY = "setsid sh -c 'echo $$; exec sleep 60' & sleep 0.2; "


class Run(threading.Thread):
    """A command in a group, its lines and how it ended."""

    def __init__(self, group: Group, command: str, path, **options):
        super().__init__(daemon=True)
        self.lines: list[str] = []
        self.end: object = None
        self._run = lambda: group.run(
            ["sh", "-c", command], cwd=path, env=os.environ, on_line=self.lines.append, **options
        )
        self.start()

    def run(self):
        try:
            self.end = self._run()
        except BaseException as error:
            self.end = error


def test_status_and_lines(tmp_path):
    run = Run(Group(), "echo one; echo two >&2; pwd; exit 3", tmp_path)
    run.join(10)
    assert run.lines == ["one", "two", str(tmp_path)]
    assert run.end == (3, False)


def test_a_command_killed_by_a_signal_gives_the_shells_status(tmp_path):
    run = Run(Group(), "kill -9 $$", tmp_path)
    run.join(10)
    assert run.end == (128 + 9, False)


def test_stop_ends_the_command_and_refuses_the_next(tmp_path):
    group = Group()
    run = Run(group, "echo $$; sleep 60", tmp_path)
    wait_for(lambda: run.lines)
    begun = time.monotonic()
    group.stop()
    run.join(10)
    assert time.monotonic() - begun < 2
    assert isinstance(run.end, Stopped)
    wait_for(lambda: not alive(int(run.lines[0])))  # a kill is not waited for by who sends it
    with pytest.raises(Stopped):
        group.run(["true"], cwd=tmp_path, env=os.environ, on_line=print)


def test_a_stubborn_command_is_killed_after_the_grace(tmp_path):
    group = Group(grace=0.5)
    run = Run(group, STUBBORN, tmp_path)
    wait_for(lambda: run.lines)
    begun = time.monotonic()
    group.stop()
    run.join(10)
    assert 0.4 < time.monotonic() - begun < 4
    wait_for(lambda: not alive(int(run.lines[0])))  # a kill is not waited for by who sends it


def test_a_process_that_left_the_session_is_ended_too(tmp_path):
    group = Group()
    run = Run(group, RUNAWAY + "sleep 60", tmp_path)
    wait_for(lambda: run.lines)
    runaway = int(run.lines[0])
    assert os.getsid(runaway) == runaway
    group.stop()
    wait_for(lambda: not alive(runaway))


def test_what_a_finished_command_left_running_is_ended(tmp_path):
    run = Run(Group(), RUNAWAY + "exit 0", tmp_path)
    run.join(10)
    assert run.end == (0, False)
    wait_for(lambda: not alive(int(run.lines[0])))  # a kill is not waited for by who sends it


def test_the_limit_counts_from_the_line_that_sets_it(tmp_path):
    limit = {"go": 0.3}.get
    run = Run(Group(), "sleep 0.6; echo go; sleep 60", tmp_path, limit=limit)
    run.join(10)
    assert run.lines == ["go"]
    assert run.end == (supervise.STOPPED, True)
    run = Run(Group(), "echo go", tmp_path, limit=limit)
    run.join(10)
    assert run.end == (0, False)


CALLER = """
import os, sys
from flows.supervise import Group
Group(grace=0.5).run(["sh", "-c", sys.argv[1]], cwd=".", env=os.environ, on_line=lambda l: print(l, flush=True))
"""


@pytest.mark.parametrize("command", ["echo $$; sleep 60", STUBBORN, RUNAWAY + "sleep 60"])
def test_a_caller_killed_outright_takes_everything_along(command):
    caller = subprocess.Popen([sys.executable, "-c", CALLER, command], stdout=subprocess.PIPE, text=True)
    assert caller.stdout
    pid = int(caller.stdout.readline())
    assert alive(pid)
    caller.kill()
    caller.wait()
    wait_for(lambda: not alive(pid), 4)
    caller.stdout.close()


def test_a_killed_supervisor_takes_its_command_along(tmp_path):
    run = Run(Group(), "echo $PPID; exec sleep 60", tmp_path)
    wait_for(lambda: run.lines)
    supervisor = int(run.lines[0])
    child = int(Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text())
    os.kill(supervisor, signal.SIGKILL)
    wait_for(lambda: not alive(child))
    run.join(10)
    assert run.end == (-signal.SIGKILL, False)
