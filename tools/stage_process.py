"""Runs a stage's command as a supervised process: its log, the epochs that it prints, its memory, its end.

Decisions: the command has its own session, and counts as running until the last process of the session has ended,
because a shell ends at once on SIGTERM while the training that it started needs seconds to clean up. Memory is the sum
of the processes' proportional set sizes (PSS), so that memory shared by sixteen renderers counts once; it is measured
once per second, so shorter peaks are missed. Only the standard library is imported.
"""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

EPOCH = re.compile(r": epoch (\d+)/(\d+) ")  # of the loop's line an epoch
GRACE = 8.0  # seconds between SIGTERM and SIGKILL: stages unwind within six
EVERY = 1.0  # seconds between looks at the memory
LAST = 12  # lines of a log that are kept for the record


class Epochs(NamedTuple):
    """What a training printed: epochs done of all, and the seconds of one after the first, None before two are done."""

    done: int
    total: int
    each: float | None


class Process:
    """A command that was started in `folder` with the environment `env`; what it prints goes to `log`."""

    def __init__(
        self, command: str, folder: Path, log: Path, env: Mapping[str, str], clock: Callable[[], float]
    ) -> None:
        self.clock = clock
        self.peak_mb: float | None = None
        self.lines: list[str] = []  # the last ones that it printed
        self._looked = self._asked = float("-inf")
        self._told: list[tuple[float, int, int]] = []  # moment, epochs done, of all
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        self.process = subprocess.Popen(
            command,
            shell=True,
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self._read, name="log", daemon=True)
        self.reader.start()

    def poll(self) -> int | None:
        """The exit status, once every process of the command has ended."""
        now = self.clock()
        status = self.process.poll()
        members = group(self.process.pid)
        if status is not None and not members:
            self.reader.join(timeout=2)
            return status
        if now - self._looked >= EVERY:
            self._looked = now
            self.peak_mb = max(self.peak_mb or 0.0, sum(memory_mb(pid) for pid in members))
        if self._asked > float("-inf") and now - self._asked > GRACE:
            self._signal(signal.SIGKILL)
        return None

    def stop(self) -> None:
        """SIGTERM to all of the command's processes; `poll` goes on to SIGKILL after GRACE seconds."""
        self._asked = self.clock()
        self._signal(signal.SIGTERM)

    def left(self) -> float | None:
        """Seconds to the last epoch's end by the pace of those after the first."""
        epochs = self.epochs()
        if epochs is None or epochs.each is None:
            return None
        return max(0.0, (epochs.total - epochs.done) * epochs.each - (self.clock() - self._told[-1][0]))

    def epochs(self) -> Epochs | None:
        """What it printed of its epochs; None where it printed nothing."""
        told = list(self._told)
        if not told:
            return None
        (first, one, _), (last, done, total) = told[0], told[-1]
        return Epochs(done, total, (last - first) / (done - one) if done > one else None)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.log.open("w", encoding="utf-8") as file:
            for line in self.process.stdout:
                file.write(line)
                file.flush()
                self.lines = [*self.lines, line.rstrip("\n")][-LAST:]
                if found := EPOCH.search(line):
                    self._told.append((self.clock(), int(found[1]), int(found[2])))


def group(number: int) -> list[int]:
    """The living processes of the session `number`; those that ended and were not collected yet do not live."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                fields = Path(entry.path, "stat").read_text(errors="replace").rpartition(")")[2].split()
                if int(fields[3]) == number and fields[0] not in "ZX":  # state, parent, group, session (proc(5))
                    found.append(int(entry.name))
    return found


def memory_mb(pid: int) -> float:
    """A process's proportional share of memory in MiB, else what it has resident; 0 where it has just ended."""
    for file, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        with suppress(OSError, StopIteration):
            lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
            return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))
    return 0.0
