"""The GPUs of this host and their leases: never two commands on one.

Decisions: a lease is a lock of the kernel (flock) on a file per GPU, held by an open file that the command inherits; so
it ends with the last process of that command, whatever ended it, and nothing is ever stale. A command that wants
several takes all or none, and those that wait stand in one queue, so that many small ones cannot starve a large one. A
host without a GPU has one place, the host itself: trainings run there one after another, as they would by `dvc repro`.
Only the standard library is imported: this runs before every command of a stage.

The host's GPUs are those of CUDA_VISIBLE_DEVICES where it is set (empty: none), else what nvidia-smi lists. The locks
lie in $GPU_LEASES, one folder for all users and clones of a host (default: gpu-leases in the temporary folder).
"""

import fcntl
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

HOST = "cpu"  # the one place of a host without GPUs
_POLL = 0.2  # seconds between looks of the one at the queue's head


class LeaseError(RuntimeError):
    """More GPUs are wanted than the host has."""


@dataclass(frozen=True)
class Lease:
    """What was leased: the names of the GPUs (none on a host without), and the open files that hold the locks."""

    gpus: tuple[str, ...]
    files: tuple[int, ...]


def devices() -> list[str]:
    """The names of the GPUs that commands on this host may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        names = [name.strip() for name in visible.split(",")]
        return names[: next((i for i, name in enumerate(names) if name in ("", "-1")), None)]  # as CUDA reads it
    query = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return answer.stdout.split()


def folder() -> Path:
    """Where the locks lie."""
    return Path(os.environ.get("GPU_LEASES") or Path(tempfile.gettempdir()) / "gpu-leases")


def open_lock(name: str) -> int:
    """Open the lock file `name`, which every user of the host may open, and return its number."""
    place = folder()
    if not place.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        with suppress(PermissionError):  # another user was quicker
            place.chmod(0o1777)
    path = place / f"{name.replace('/', '-')}.lock"
    try:
        return os.open(path, os.O_RDWR)  # without O_CREAT, which kernels refuse on another user's file in such a folder
    except FileNotFoundError:
        pass
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return os.open(path, os.O_RDWR)
    os.fchmod(number, 0o666)  # whatever the umask
    return number


@contextmanager
def lease(wanted: int) -> Iterator[Lease]:
    """Wait for `wanted` GPUs and hold them until the block ends. Raises LeaseError where there never are as many."""
    if wanted <= 0:
        yield Lease((), ())
        return
    names = devices()
    if names and wanted > len(names):
        raise LeaseError(f"{wanted} GPUs are wanted and this host has {len(names)} ({', '.join(names)})")
    places = names or [HOST]
    wanted = min(wanted, len(places))
    queue = open_lock(f"queue-{'-'.join(sorted(places))}")
    held: dict[str, int] = {}
    try:
        fcntl.flock(queue, fcntl.LOCK_EX)
        while not (held := _take(places, wanted)):
            time.sleep(_POLL)
        os.close(queue)
        queue = -1
        yield Lease(tuple(held) if names else (), tuple(held.values()))
    finally:
        for number in (queue, *held.values()):
            if number >= 0:
                os.close(number)


def _take(places: list[str], wanted: int) -> dict[str, int]:
    """Lock `wanted` of the places, or none: waiting with a part of them could block another who waits with the rest."""
    held: dict[str, int] = {}
    for place in places:
        if len(held) == wanted:
            break
        number = open_lock(f"gpu-{place}")
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(number)
        else:
            held[place] = number
    if len(held) == wanted:
        return held
    for number in held.values():
        os.close(number)
    return {}
