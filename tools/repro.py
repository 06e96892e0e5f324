"""Runs `dvc repro` for `make demo` and others: shows the stages' own lines and all errors, but not DVC's messages.

    python -m tools.repro report --show reports/figures/results.txt

Decisions: `dvc repro --quiet` would hide errors too. DVC's messages go to standard output; errors, warnings and the
stages' log lines go to standard error, which is passed on line by line under a title per stage
(tools/stage_progress.py). Standard output is read first, so that the title is printed before the stage's first line. If
nothing is left to do, `dvc repro` is not started: flows/dag.py checks all stages at once, and hashes each folder once,
while the command hashes it once per stage that reads or writes it. If another DVC process holds a lock, a message with
that process and advice is added.
"""

import argparse
import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from sanreid import faults
from tools import stage_progress

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
    told = stage_progress.start(lambda: planned(targets))

    def said(line: str) -> None:
        if chatter:
            sys.stdout.write(line)
            sys.stdout.flush()
        told.see(line)

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        assert process.stdout is not None
        assert process.stderr is not None
        follow(process, [(process.stdout, said), (process.stderr, told.line)], told.tick)
    if process.returncode == 0:
        told.progress.end()
        if whole := told.progress.whole():
            told.line(f"{whole}\n")
    told.close()
    stage_progress.record(stage_progress.RECORDED, told.progress.took())
    return process.returncode


def settled(targets: Sequence[str]) -> bool:
    """Whether all that the targets need is up to date; False where DVC cannot say: its command then tells why."""
    root = Path.cwd()
    if not (root / "dvc.lock").is_file() or _locked(root / LOCK):
        return False
    from flows import dag

    with suppress(dag.GraphError, OSError), dag.held(root):
        return not dag.changes(root, dag.load(root, targets))
    return False


def planned(targets: Sequence[str]) -> stage_progress.Planned:
    """The stages that the targets need with what they do; nothing where DVC cannot say: it then says so itself."""
    from flows import dag  # DVC takes seconds to import: only a run that has something to do pays

    with suppress(dag.GraphError):
        return {name: stage.desc for name, stage in dag.load(Path.cwd(), targets).items()}
    return {}


def follow(
    process: subprocess.Popen[bytes], streams: Sequence[tuple[IO[bytes], Callable[[str], None]]], tick: Callable
) -> None:
    """Hand on the lines of a process, the first stream's first, until it ends; `tick` is called about once a second.

    Its end is told by itself and not by its streams: what it leaves behind may hold them open.
    """
    rests = [b""] * len(streams)
    with selectors.DefaultSelector() as selector:
        for number, (stream, _) in enumerate(streams):
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ, number)
        ended = False
        while not ended or selector.get_map():
            with suppress(KeyboardInterrupt):  # DVC has heard it too, and ends
                ended = process.poll() is not None
                ready = sorted(key.data for key, _ in selector.select(0 if ended else 0.2))
                if ended and not ready:
                    break
                if ready and (number := ready[0]) is not None:
                    stream, hand_on = streams[number]
                    if not (read := os.read(stream.fileno(), 1 << 16)):
                        selector.unregister(stream)
                    *lines, rests[number] = (rests[number] + read).split(b"\n")
                    for line in lines:
                        hand_on(line.decode(errors="replace") + "\n")
                tick()
        for rest, (_, hand_on) in zip(rests, streams, strict=True):
            if rest:
                hand_on(rest.decode(errors="replace"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and show what came out; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", help="as `dvc repro` takes them; none: every stage")
    parser.add_argument("--show", type=Path, help="file to print when all is up to date")
    parser.add_argument("--chatter", action="store_true", help="show DVC's own lines, too")
    given = parser.parse_args(arguments)
    with faults.told("repro"):
        status = 0 if not given.chatter and settled(given.targets) else repro(given.targets, given.chatter)
        if status:
            if hint := beside(Path.cwd()):
                sys.stderr.write(f"{hint}\n")
            return status if status > 0 else 128 - status
        if given.show:
            sys.stdout.write(given.show.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
