"""Run a command so that nothing of it outlives its caller.

As a script, `python supervise.py PARENT GRACE CMD...`: the supervisor, in a session of its own, between the caller
(process PARENT) and the command. When it is asked to stop (SIGTERM), or its caller dies, however, it ends the command
and whatever that started: SIGTERM to all, GRACE seconds, SIGKILL. As a module: `Group`, the commands of one pipeline
run, which end together.

Decisions: DVC passes no signal on to a stage's command, and an orphan would keep its GPU, hence a process in between.
The kernel signals its parent's death to it (PR_SET_PDEATHSIG) and makes it the parent of orphans below it
(PR_SET_CHILD_SUBREAPER), so those that left the session are found too. Off Linux there is neither: there the session
ends on SIGTERM alone. What a finished command left running is ended as well: it would hold the output and the lease.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

GRACE = 10.0  # seconds between SIGTERM and SIGKILL; shorter than a Prefect worker's patience with a cancelled run (30)
STOPPED = 128 + signal.SIGTERM

_PDEATHSIG, _SUBREAPER = 1, 36  # of prctl(2)


class Stopped(BaseException):
    """The group was stopped; not an Exception, so that nothing retries it."""


class Group:
    """The commands of one pipeline run."""

    def __init__(self, grace: float = GRACE) -> None:
        self._grace = grace
        self._lock = threading.Lock()
        self._live: set[subprocess.Popen[str]] = set()
        self.stopped = False

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        on_line: Callable[[str], None],
        limit: Callable[[str], float | None] = lambda line: None,
    ) -> tuple[int, bool]:
        """Run `command` to its end; its exit status, and whether it ran out of time.

        `on_line` gets each line of its output. Where `limit` answers a line with a number, so many seconds are left
        from there on. Raises Stopped when the group was stopped.
        """
        words = [sys.executable, __file__, str(os.getpid()), str(self._grace), *command]
        with self._lock:
            if self.stopped:
                raise Stopped
            process = subprocess.Popen(
                words,
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._live.add(process)
        late = threading.Event()
        timers: list[threading.Timer] = []

        def expire() -> None:
            late.set()
            process.terminate()

        try:
            assert process.stdout is not None
            for line in process.stdout:
                if (seconds := limit(line.rstrip())) is not None:
                    timers.append(threading.Timer(seconds, expire))
                    timers[-1].daemon = True
                    timers[-1].start()
                on_line(line.rstrip())
            status = process.wait()
        finally:
            for timer in timers:
                timer.cancel()
            self._end(process)
            with self._lock:
                self._live.discard(process)
        if self.stopped and not late.is_set():
            raise Stopped
        return status, late.is_set()

    def stop(self) -> None:
        """End all commands and refuse new ones; returns when all have ended."""
        with self._lock:
            self.stopped = True
            live = list(self._live)
        for process in live:
            process.terminate()
        for process in live:
            self._end(process)

    def _end(self, process: subprocess.Popen[str]) -> None:
        """End one supervisor, if it has not ended, and with it its command; harder where it lingers."""
        process.terminate()
        try:
            process.wait(self._grace + 5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def descendants() -> list[int]:
    """The processes below this one, from /proc; without it, none."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = entry.read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):  # gone meanwhile
            continue
        if state != "Z":
            parents[int(entry.parent.name)] = int(parent)
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {os.getpid()})


def _end_all(number: int) -> None:
    """Send a signal to every process below this one, those that left its session included."""
    if number != signal.SIGKILL:
        os.killpg(0, number)  # at once, and where /proc is missing; this process holds such signals back
    for pid in descendants():
        with suppress(ProcessLookupError):
            if number == signal.SIGKILL or os.getpgid(pid) != os.getpgrp():
                os.kill(pid, number)


def _reap(main: int) -> int | None:
    """Collect ended children; the exit status of `main` if it is among them."""
    status = None
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == main:
                status = os.waitstatus_to_exitcode(ended[1])
    return status


def main(arguments: Sequence[str]) -> int:
    """Supervise; the command's exit status, or 143 when it was stopped."""
    parent, grace, command = int(arguments[0]), float(arguments[1]), arguments[2:]
    ends = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*ends, signal.SIGCHLD})
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is not None:
        libc.prctl(_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel was asked to tell
        return STOPPED

    def settle() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if libc is not None:
            libc.prctl(_PDEATHSIG, signal.SIGTERM, 0, 0, 0)  # should the supervisor itself be killed

    child = subprocess.Popen(command, preexec_fn=settle)  # kept: when it is dropped, it would reap the process itself
    status = None
    while status is None and signal.sigwait({*ends, signal.SIGCHLD}) == signal.SIGCHLD:
        status = _reap(child.pid)
    stopped = status is None
    _end_all(signal.SIGTERM)
    last = time.monotonic() + grace
    while descendants():
        if time.monotonic() > last:
            _end_all(signal.SIGKILL)
        time.sleep(0.02)
        _reap(child.pid)
    if stopped or status is None:
        return STOPPED
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
