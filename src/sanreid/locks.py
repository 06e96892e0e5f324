"""Locks for an output that is being written and for a training's checkpoint: one process at a time.

Decisions: an flock, which the kernel releases however its holder ends, so a killed process blocks nobody. The lock file
`.NAME.lock` is beside the locked path; its owner removes it while still holding the lock, and a process that waited for
the removed file tries again, so no file is left over. The file contains its owner, for the message of a process that
waits.
"""

import errno
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger("sanreid")

_UNKNOWN = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}  # file systems without locks


@contextmanager
def held(path: Path, what: str = "") -> Iterator[None]:
    """Lock `path` for the block; another process (or thread) that wants it logs the owner and waits.

    `what` names it in that message (default: `path`). If the file system has no locks, a warning is logged and the
    block runs without one.
    """
    file = path.with_name(f".{path.name}.lock")
    descriptor = _acquire(file, what or str(path))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(descriptor)


def free(path: Path) -> bool:
    """Whether `path` is not locked at this moment."""
    try:
        descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _acquire(file: Path, what: str) -> int:
    """An open descriptor of `file` that holds its lock."""
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _wait(descriptor, what)
            if _is(descriptor, file):
                with suppress(OSError):  # on a full disk the owner cannot be written, but the lock is held
                    os.ftruncate(descriptor, 0)
                    os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its owner has removed this file


def _wait(descriptor: int, what: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
        log.warning("%s: %s is at it; waiting until that ends", what, holder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise
        log.warning("%s: the file system knows no locks; let no second process write there", what)


def _is(descriptor: int, file: Path) -> bool:
    """Whether the open descriptor is still the file of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(file))
    except FileNotFoundError:
        return False
