"""The entries of dvc.lock that go along with a run, so that another machine knows what was made before any commit.

Interface: `read(root, names)`, `merge(root, entries)`, and `dumps`, `loads` for the way between machines.

Decisions: entries travel as YAML text written by DVC's own serialiser: JSON would turn a parameter's integer keys into
strings, and the stage would be stale on arrival. A merge takes DVC's own lock on the repository (an flock on
.dvc/tmp/lock), since `dvc repro` reads, changes and writes the whole file too; then the file is replaced whole. Of a
stage further up only what it wrote is needed, and `outputs` leaves the rest at home: dependencies are most of the text,
and a Prefect server refuses parameters over 512 kB.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FILE = "dvc.lock"

Entries = Mapping[str, Mapping[str, Any]]  # stage -> its entry: cmd, deps, params, outs


class LockError(ValueError):
    """What should be entries of dvc.lock is none; the message says what was found."""


def read(root: Path, names: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
    """The entries of all stages, or of those named; a stage without an entry is left out."""
    path = Path(root) / FILE
    found = loads(path.read_text(), str(path)) if path.is_file() else {}
    return found if names is None else {name: found[name] for name in names if name in found}


def outputs(entries: Entries) -> dict[str, dict[str, Any]]:
    """What the stages wrote, alone: enough to bring their outputs."""
    return {name: {"cmd": entry["cmd"], "outs": entry.get("outs", [])} for name, entry in entries.items()}


def merge(root: Path, entries: Entries) -> None:
    """Put `entries` into dvc.lock in place of the same stages' earlier ones; whole or not at all, one at a time."""
    from dvc.utils.serialize import dump_yaml

    if not entries:
        return
    path = Path(root) / FILE
    with _held(root):
        stages = read(root) | {name: dict(entry) for name, entry in entries.items()}
        work = path.with_name(f".{FILE}.{os.getpid()}.partial")
        try:
            dump_yaml(os.fspath(work), {"schema": "2.0", "stages": stages})
            work.replace(path)
        finally:
            work.unlink(missing_ok=True)


@contextmanager
def _held(root: Path) -> Iterator[None]:
    """DVC's lock on the repository, waited for."""
    path = Path(root) / ".dvc/tmp/lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the kernel frees it with the file, however this process ends
        yield


def dumps(entries: Entries) -> str:
    """The entries as text."""
    from dvc.utils.serialize import dumps_yaml

    return dumps_yaml({"schema": "2.0", "stages": {name: dict(entry) for name, entry in entries.items()}})


def loads(text: str, source: str = "the handed lock entries") -> dict[str, dict[str, Any]]:
    """The entries of a text that `dumps` or DVC wrote. Raises LockError naming `source`."""
    from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml

    try:
        values = parse_yaml(text, source)
    except YAMLFileCorruptedError as error:
        raise LockError(f"{source}: not YAML: {error.__cause__}") from None
    if not values:
        return {}
    stages = values.get("stages", {}) if isinstance(values, dict) else None
    if not isinstance(stages, dict) or values.get("schema") != "2.0":
        raise LockError(f"{source}: not of DVC's schema 2.0; `dvc repro` of this version writes it")
    return stages
