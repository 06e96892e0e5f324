"""Runs that are killed: what `tools/chaos.py` starts, waits for, ends in one of many ways, and looks for afterwards.

Decisions: a run and all that it starts carry a word of their own in their environment, by which /proc tells them from
everything else on the machine, orphans of whatever parent or session included. A moment is told by what the run says
(`Running stage 'NAME':`) and a wait after it. What a kill is aimed at: the run alone (`dvc repro`, or `flows.run`), the
command of the stage alone, or all of it at once. A full disk is a file that takes what is left on a small tmpfs.
"""

import ctypes
import errno
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

WORD = "SANREID_CHAOS"  # the variable that marks a run
PATIENCE = 10.0  # seconds in which everything of a killed run has to be gone
FULL = 8.0  # seconds for which a disk is full
SUBREAPER = 36  # of prctl(2)
WAYS = ("KILL run", "KILL stage", "KILL all", "TERM run", "TERM stage", "TERM all", "full disk")


@dataclass(frozen=True)
class Process:
    """A process as /proc lists it: its id and its command line."""

    pid: int
    words: tuple[str, ...]

    def is_stage(self) -> bool:
        """Whether it is a stage's own script, not the shell or DVC around it."""
        return Path(self.words[0]).name.startswith("python") and any(
            word.startswith("stages/") for word in self.words[1:3]
        )

    def __str__(self) -> str:
        return f"{self.pid} ({' '.join(self.words)[:100]})"


def marked(word: str) -> list[Process]:
    """The live processes whose environment holds `WORD=word`."""
    wanted, found = f"{WORD}={word}".encode(), []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if state not in "ZX":
                found.append(Process(int(entry.name), tuple(words)))
    return found


def adopt() -> None:
    """Make this process the parent of orphans below it: DVC takes a process that nobody collects for a live one."""
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)


def collect(but: int) -> None:
    """Collect the adopted processes that have ended; `but` is a child whose exit status somebody waits for."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            state, parent = entry.read_text().rpartition(")")[2].split()[:2]
            if state == "Z" and int(parent) == os.getpid() and int(entry.parent.name) != but:
                os.waitpid(int(entry.parent.name), os.WNOHANG)


class Run:
    """A command in a session of its own, its output read line by line."""

    def __init__(self, words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.word = uuid.uuid4().hex
        self.said: list[str] = []
        self.silent = False  # its output has ended
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.process = subprocess.Popen(
            words,
            cwd=folder,
            env={**environment, WORD: self.word, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with suppress(ValueError):  # closed
            for line in self.process.stdout:
                self._lines.put(line.rstrip())
        self._lines.put(None)

    def hear(self, heard: Callable[[str], bool] = lambda line: False, seconds: float = 600.0) -> bool:
        """Read until `heard` is true of a line; False where the output or the time ends before."""
        end = time.monotonic() + seconds
        while not self.silent and (left := end - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left)
            except queue.Empty:
                return False
            if line is None:
                self.silent = True
                return False
            self.said.append(line)
            if heard(line):
                return True
        return False

    def gone(self, seconds: float = PATIENCE) -> list[Process]:
        """Wait until nothing of the run is left; what is left of it after so many seconds."""
        end = time.monotonic() + seconds
        while True:
            left = marked(self.word)
            collect(self.process.pid)
            if (not left and self.process.poll() is not None) or time.monotonic() > end:
                return left
            time.sleep(0.05)

    def sweep(self) -> None:
        """End whatever is left, so that the next run meets nobody."""
        while left := marked(self.word):
            for process in left:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
            self.process.poll()
            time.sleep(0.02)
        self.process.wait()
        collect(self.process.pid)


def outlive(processes: Sequence[Process], seconds: float = PATIENCE) -> list[Process]:
    """Those of the processes that still run after so many seconds."""
    end = time.monotonic() + seconds
    left = list(processes)
    while left and time.monotonic() < end:
        time.sleep(0.05)
        left = [process for process in left if _runs(process.pid)]
    return left


def _runs(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def kill(run: Run, way: str) -> bool:
    """Kill the run in the given way; False where there is nothing to kill any more."""
    name, aim = way.split()
    number = signal.Signals[f"SIG{name}"]
    everything = marked(run.word)
    aimed = [p.pid for p in everything if p.is_stage()] if aim == "stage" else [p.pid for p in everything]
    if aim == "run":
        aimed = [run.process.pid] if run.process.poll() is None else []
    if aim == "all":  # the run first, else it would start another stage meanwhile
        aimed.sort(key=lambda pid: pid != run.process.pid)
    hit = 0
    for pid in aimed:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            hit += 1
    return hit > 0


class Disk:
    """A small tmpfs in place of some folders of a workspace."""

    def __init__(self, place: Path, megabytes: int) -> None:
        self.place = place
        self.mounted: list[Path] = []
        place.mkdir(parents=True, exist_ok=True)
        self._mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place)

    def _mount(self, *words: str | Path) -> None:
        """Raises OSError where it is not allowed."""
        try:
            done = subprocess.run(["mount", *map(str, words)], capture_output=True, text=True)
        except FileNotFoundError:
            raise OSError(errno.ENOENT, "no command `mount`") from None
        if done.returncode:
            raise OSError(errno.EPERM, done.stderr.strip() or "mount failed")
        self.mounted.append(Path(words[-1]))

    def take(self, folder: Path) -> None:
        """Let `folder`, which is empty or new, lie on it."""
        (self.place / folder.name).mkdir()
        folder.mkdir(parents=True, exist_ok=True)
        self._mount("--bind", self.place / folder.name, folder)

    def fill(self) -> Path:
        """Take all of the room that is left; the file that does."""
        filler = self.place / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
        with filler.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(512))
        return filler

    def close(self) -> None:
        """Unmount."""
        while self.mounted:
            subprocess.run(["umount", "--lazy", str(self.mounted.pop())], capture_output=True)


def full_disk(run: Run, disk: Disk, seconds: float = FULL) -> bool:
    """Fill the disk until the run has ended, or for so long; False where the run had ended before."""
    if run.process.poll() is not None:
        return False
    filler = disk.fill()
    try:
        end = time.monotonic() + seconds
        while run.process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        filler.unlink()
    return True


def dvc(*words: str) -> list[str]:
    """The command line of DVC by this interpreter."""
    return [sys.executable, "-m", "dvc", *words]
