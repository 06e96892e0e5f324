"""The process group of a training that is split over several GPUs: its size, this process's rank, start and end.

Decisions: the stage's command line is started once per rank by a parent process that does not train. If a rank fails,
the parent ends the others and reports that one error, so no process is left over and none hangs. The number of ranks is
$SANREID_RANKS, set by the flows when they assign GPUs; torchrun's variables work too. It is no parameter, because it
does not change results (training/distributed.py), and a run may continue with another number. Only rank 0 takes locks,
evaluates and writes. Decoded data are kept once per host, in a folder made by the parent.
"""

import fcntl
import hashlib
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sanreid import faults, stopping

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger("sanreid")

ASKED = "SANREID_RANKS"  # how many processes a training is split over
SHELF = "SANREID_SHELF"  # the folder of the ranks that `launch` started, for their rendezvous and shared data
LOST = 75  # the exit status of a rank that ends because another did
_PATIENCE = timedelta(days=30)  # waiting for another rank: rank 0 may wait for a lock; a dead rank is noticed at once
_LOOK = 0.05  # seconds between looks at the processes
_AFTER = 2.0  # seconds for the other ranks, after one has failed, to report their own errors

_here: tuple[int, int] = (0, 1)  # this process's rank, and how many there are


def rank() -> int:
    """This process's rank, from 0."""
    return _here[0]


def size() -> int:
    """The number of processes of this training; 1 if it is not split."""
    return _here[1]


def first() -> bool:
    """Whether this process is the one that writes."""
    return rank() == 0


def share(rows: "Tensor") -> "Tensor":
    """This rank's part of a batch's rows, equally many for each rank; all rows if there is one process."""
    if size() == 1:
        return rows
    each = len(rows) // size()
    return rows[rank() * each : (rank() + 1) * each]


def wanted() -> int:
    """How many processes were asked for ($SANREID_RANKS). Raises ValueError if that is no number."""
    if _started():
        return int(os.environ["WORLD_SIZE"])
    given = os.environ.get(ASKED) or "1"
    if not given.isdecimal() or int(given) < 1:
        raise ValueError(f"{ASKED}: {faults.short(given)} is no number of processes; give 1 or more")
    return int(given)


def refuse(what: str) -> None:
    """Raise ValueError if several processes were asked for, for a training (`what`) that cannot be split."""
    if wanted() > 1 and size() == 1:
        raise ValueError(f"{what} on one GPU alone, and {wanted()} were asked for; set {ASKED}, or meta.gpus, to 1")


def launch() -> bool:
    """Run this command in as many processes as were asked for; True when they have done the work.

    False if this process has to do the work itself: it is the only one, or one of several (and has joined the group).
    Raises ValueError if there are fewer GPUs than ranks. Ends the process if a rank failed.
    """
    count = wanted()
    if count == 1:
        return False
    if _started():
        _join(count)
        return False
    with tempfile.TemporaryDirectory(prefix="sanreid-ranks-") as folder:
        children: list[subprocess.Popen] = []
        try:
            children.extend(_start(number, count, Path(folder)) for number in range(count))
            _watch(children, Path(folder))
        except KeyboardInterrupt:  # rank 0 gets it too, and reports it
            sys.exit(1)
        finally:
            _end(children)
    return True


def once(what: object, make: Callable[[Path], None]) -> Path | None:
    """A file shared by the ranks, named by the `repr` of `what`; the first rank that asks calls `make` to write it.

    None if there is no shared folder: with one process, under torchrun, or once the training has begun.
    """
    folder = Path(os.environ.get(SHELF, "")) / "shared"
    if size() == 1 or SHELF not in os.environ or not folder.is_dir():
        return None
    file = folder / hashlib.sha256(repr(what).encode()).hexdigest()
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            make(work := file.with_suffix(".partial"))
            work.rename(file)
    return file


def clear() -> None:
    """Unlink the shared files once every rank has opened them; their content is freed when the last process ends."""
    if first() and SHELF in os.environ:
        shutil.rmtree(Path(os.environ[SHELF]) / "shared", ignore_errors=True)


def lost(error: BaseException) -> bool:
    """Whether `error` is what torch raises when another rank has ended."""
    return isinstance(error, RuntimeError) and ("gloo" in str(error) or type(error).__name__.startswith("Dist"))


def _started() -> bool:
    """Whether this is one of several already; torchrun sets the same variables."""
    return "LOCAL_RANK" in os.environ and "WORLD_SIZE" in os.environ


def _start(number: int, count: int, folder: Path) -> subprocess.Popen:
    """Run this command line once more, as rank `number`."""
    (folder / "shared").mkdir(exist_ok=True)
    environment = os.environ | {
        "RANK": str(number),
        "LOCAL_RANK": str(number),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        stopping.PARENT: str(os.getpid()),
        SHELF: str(folder),
    }
    environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
    words = [sys.executable, *sys.orig_argv[1:]]
    if number == 0:  # it speaks for all
        return subprocess.Popen(words, env=environment)
    with _said(folder, number).open("wb") as file:
        return subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file)


def _said(folder: Path, number: int) -> Path:
    return folder / f"rank{number}.txt"


def _join(count: int) -> None:
    """Join the group of `count` processes, on one GPU each, or on the CPU if there is none."""
    global _here
    import torch
    from torch import distributed

    number, local = int(os.environ.get("RANK", "0")), int(os.environ["LOCAL_RANK"])
    if os.environ.get("LOCAL_WORLD_SIZE", str(count)) != str(count):
        raise ValueError(f"{count} processes on several hosts: a training is split over the GPUs of one host alone")
    cuda = torch.cuda.is_available()
    if cuda and torch.cuda.device_count() < count:
        raise ValueError(f"{ASKED}: {count} GPUs are asked for, and {torch.cuda.device_count()} can be seen; lower it")
    if cuda:
        torch.cuda.set_device(local)
    if SHELF in os.environ and "lo" in {name for _, name in socket.if_nameindex()}:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # whatever name the host goes by
    met = f"file://{Path(os.environ[SHELF]) / 'met'}" if SHELF in os.environ else "env://"
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if cuda else "gloo", init_method=met, rank=number, world_size=count, timeout=_PATIENCE
    )
    _here = number, count
    if number:  # nothing but an error
        log.setLevel("ERROR")


def _watch(children: list[subprocess.Popen], folder: Path) -> None:
    """Wait for all ranks; if one fails, print its error and end this process with its status."""
    while _running(children) and not any(child.returncode for child in children):
        time.sleep(_LOOK)
    if not any(child.returncode for child in children):
        return
    end = time.monotonic() + _AFTER
    while _running(children) and time.monotonic() < end:
        time.sleep(_LOOK)
    failed = {number: child.returncode for number, child in enumerate(children) if child.returncode}
    number, status = next(((n, s) for n, s in failed.items() if s != LOST), next(iter(failed.items())))
    if status < 0:
        sys.exit(f"rank {number} of {len(children)} was ended by signal {-status}; was the memory enough for all?")
    if number:
        told = _said(folder, number).read_text(errors="replace").rstrip()
        sys.stderr.write(f"rank {number} of {len(children)}: {told or f'ended with status {status}'}\n")
    sys.exit(status)


def _end(children: list[subprocess.Popen]) -> None:
    """End the ranks that still run: by SIGTERM, so that they remove half-written files, then by SIGKILL."""
    running = _running(children)
    for child in running:
        child.terminate()
    end = time.monotonic() + stopping.GRACE - 1
    while _running(running) and time.monotonic() < end:
        time.sleep(_LOOK)
    for child in running:
        child.kill()
        child.wait()


def _running(children: list[subprocess.Popen]) -> list[subprocess.Popen]:
    """The ranks that still run; polls all of them, so that each exit status is known afterwards."""
    return [child for child in children if child.poll() is None]
