"""Runs the pipeline through DVC with changed parameters, prints a report, and restores params.yaml.

Decision: params.yaml is restored whatever happens to the run. (`dvc exp run -S` leaves its change in the file, with all
lists reformatted; but after `make table1` the next `make demo` should be the demo again, which DVC's cache restores in
seconds.) After a failed run only the error is printed.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sanreid import faults, params, runtime
from sanreid.params import parse
from tools import repro

NOISE = "WARNING: No file hash info found for"  # DVC prints such a line for each run that does not exist yet
PARAMETERS = Path("params.yaml")

Changes = dict[str, dict[str, Any]]  # section -> key -> value, or keys in it


def carry_out(what: str, changes: Callable[[], Changes], stage: str, report: Path) -> int:
    """Bring `stage` up to date with the changed parameters and print `report`; the exit status.

    `what` is the run's name in messages. Exits if the parameters are invalid, or the run is interrupted.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # background jobs of a shell ignore SIGINT, and so would DVC, which cleans up git's state on SIGINT only
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with faults.told(what):
        try:
            new = changes()
            status = run(command(new, stage), PARAMETERS, new)
        except KeyboardInterrupt:
            sys.exit(f"{what}: stopped; {PARAMETERS} is as it was, and the same command goes on where this one was")
        if status:
            sys.stderr.write(
                f"{what}: the run failed, and nothing is reported; reports/ may be an earlier run's. {PARAMETERS} is "
                "as it was: repair what is said above and run the same again, what is done stays done.\n"
            )
            if hint := repro.beside(Path.cwd()):
                sys.stderr.write(f"{hint}\n")
            return status
        sys.stdout.write(report.read_text())
    return 0


def command(new: Changes, stage: str) -> list[str]:
    """What brings `stage` up to date with these values."""
    return ["dvc", "exp", "run", *(word for s in _settings(new) for word in ("-S", s)), stage]


def _settings(values: Any, key: str = "") -> Iterator[str]:
    """Nested values in the syntax of `-S`: a.b=1, a.c=[x,y]."""
    if isinstance(values, dict):
        for name, value in values.items():
            yield from _settings(value, f"{key}.{name}" if key else name)
    elif isinstance(values, list):
        yield f"{key}=[{','.join(map(str, values))}]"
    else:
        yield f"{key}={'null' if values is None else str(values).lower() if isinstance(values, bool) else values}"


def run(words: Sequence[str], parameters: Path, new: Changes) -> int:
    """Run, wait, and put the parameters back; the exit status. An interruption stops DVC and its stage before that."""
    before = parameters.read_text()
    child = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True
    )
    try:
        assert child.stderr is not None
        for line in child.stderr:
            if not line.startswith(NOISE):
                sys.stderr.write(line)
        return child.wait()
    except BaseException:
        stop(child)
        raise
    finally:
        restore(parameters, before, new)


def stop(child: subprocess.Popen) -> None:
    """End DVC and its stage, whether it was Ctrl-C or a SIGTERM to this process alone; harder where they linger."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            child.communicate(timeout=8)  # reads on, since a full pipe would keep it
            return
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            child.wait()
            return


def restore(parameters: Path, before: str, new: Changes) -> None:
    """Restore `before`, unless the file was edited during the run: then it is kept, with a message."""
    then, left, now = parse(before), parse(before), parse(parameters.read_text())
    params.lay(left, new, f"{parameters}: ")
    if now == left:
        with runtime.atomic_file(parameters) as work:  # whole or as it is, also where the disk is full
            work.write_text(before)
            shutil.copymode(parameters, work)
    elif now != then:
        sys.stderr.write(f"{parameters}: edited during the run, and left as it is; {', '.join(new)} is the table's\n")
