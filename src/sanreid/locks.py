"""One owner at a time: a lock of the kernel on a name, for an output that is being written and for a run's checkpoint.

Decisions: an flock, which the kernel frees however its holder ends, so a killed process blocks none. The file
`.NAME.lock` beside what is owned is removed by its owner at the end, while the lock is still held; who waited for the
removed file tries again, so nothing is left lying about. The file says who holds it, for the one who waits.
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
    """Own `path` while the block lasts; another process (or thread) that wants it waits, and names the owner.

    `what` is what the waiter's message calls it; else `path`. Where the file system knows no locks, that is said and
    the block runs.
    """
    file = path.with_name(f".{path.name}.lock")
    descriptor = _acquire(file, what or str(path))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(descriptor)


def free(path: Path) -> bool:
    """Whether nobody owns `path` at this moment."""
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
                with suppress(OSError):  # on a full disk the lock holds all the same
                    os.ftruncate(descriptor, 0)
                    os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its owner removed it: another file has the name now, or none


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
    """Whether the open descriptor is the file that has the name now."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(file))
    except FileNotFoundError:
        return False
