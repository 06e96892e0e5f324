"""Bring stages up to date as `make` does: the stages' own lines and every error are seen, DVC's chatter is not.

    python -m tools.repro report --show reports/figures/results.txt

Decisions: `dvc repro --quiet` hides DVC's errors with its chatter; but the chatter goes to standard output, and errors,
warnings and the stages' log lines go to standard error, which is left alone. What two runs in one clone end in, a lock,
DVC tells without a word on what to do: that is added, with the process that holds it.
"""

import argparse
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sanreid import faults

RWLOCK = Path(".dvc/tmp/rwlock")  # who reads and writes what
LOCK = Path(".dvc/tmp/lock")  # held by flock while DVC looks at the whole clone


def others(root: Path) -> list[str]:
    """The commands, with their process, of other DVC processes that now hold outputs of the clone `root`."""
    holders: dict[int, str] = {}
    with suppress(OSError, ValueError):  # none, or half-written by DVC at this moment
        for entry in _entries(json.loads((root / RWLOCK).read_text())):
            with suppress(KeyError, TypeError, ValueError, OSError):
                os.kill(pid := int(entry["pid"]), 0)
                words = str(entry["cmd"]).split()
                holders[pid] = " ".join(["dvc", *words[1:]])
    return [f"process {pid} ({command})" for pid, command in sorted(holders.items()) if pid != os.getpid()]


def _entries(values: Any) -> Iterator[dict[str, Any]]:
    """What DVC's file of locks says of processes: under `read` a list for each path, under `write` one entry."""
    if isinstance(values, dict) and "pid" in values:
        yield values
    elif isinstance(values, (dict, list)):
        for value in values.values() if isinstance(values, dict) else values:
            yield from _entries(value)


def beside(root: Path) -> str | None:
    """What to do about other DVC processes in the clone, if there are any."""
    found = others(root)
    if not found and not _locked(root / LOCK):
        return None
    named = f": {', '.join(found)}" if found else ""
    return (
        f"another DVC process works in this clone{named}. If a lock is what is told above, wait until it has ended (or "
        "end it), then run the same command again; what is done stays done"
    )


def _locked(file: Path) -> bool:
    """Whether somebody holds the lock on a file."""
    with suppress(FileNotFoundError), file.open("a") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def repro(targets: Sequence[str], chatter: bool = False) -> int:
    """`dvc repro` of the targets; its exit status. SIGTERM to this process ends it too."""
    command = [sys.executable, "-m", "dvc", "repro", *targets]
    process = subprocess.Popen(command, stdout=None if chatter else subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # DVC has heard it too, and ends
            continue


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and show what came out; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", help="as `dvc repro` takes them; none: every stage")
    parser.add_argument("--show", type=Path, help="file to print when all is up to date")
    parser.add_argument("--chatter", action="store_true", help="show DVC's own lines, too")
    given = parser.parse_args(arguments)
    with faults.told("repro"):
        if status := repro(given.targets, given.chatter):
            if hint := beside(Path.cwd()):
                sys.stderr.write(f"{hint}\n")
            return status if status > 0 else 128 - status
        if given.show:
            sys.stdout.write(given.show.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
