"""The flows' error messages: one line where the machine, the network or a setting is at fault.

Decisions: one line is for errors of the system, of values, and of the libraries that talk to the outside (Prefect, its
HTTP client and database, DVC); an error of the program keeps its traceback. SANREID_LOG=DEBUG shows all tracebacks.
"""

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

LINE = 600  # characters
OUTSIDE = {"prefect", "httpx", "httpcore", "sqlalchemy", "dvc", "dvc_data", "dvc_objects", "git", "pydantic_core"}
REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space, the same command then goes on",
    errno.EDQUOT: "the quota is used up: free some space, the same command then goes on",
    errno.EACCES: "change its owner or mode (chmod)",
    errno.EPERM: "change its owner or mode (chmod)",
    errno.EROFS: "it has to be on a disk that can be written to",
    errno.ENOENT: "is it there, and the name right?",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}


def message(error: BaseException) -> str:
    """The error's message as one line of at most LINE characters, with a remedy where one is known."""
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        named = " -> ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
        parts = (f"{named}: {error.strerror}" if named else error.strerror, REMEDIES.get(error.errno))
        text = "; ".join(filter(None, parts))
    elif isinstance(error, MemoryError):
        text = "out of memory: end something else, or run fewer stages at once"
    else:
        text = str(error) or type(error).__name__
    line = " ".join(text.split())
    return line if len(line) <= LINE else f"{line[: LINE // 2 - 3]} ... {line[3 - LINE // 2 :]}"


def expected(error: BaseException) -> bool:
    """Whether the error comes from outside of the program, so that one line says enough."""
    if isinstance(error, (OSError, ValueError, MemoryError)):
        return True
    if any(kind.__module__.partition(".")[0] in OUTSIDE for kind in type(error).__mro__):
        return True
    frames = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return isinstance(error, RuntimeError) and bool(frames) and str(frames[-1]).partition(".")[0] in OUTSIDE


@contextmanager
def one_line_errors(name: str) -> Iterator[None]:
    """End the process with one line, `name: message`, where the block raises an expected error."""
    try:
        yield
    except Exception as error:
        if not expected(error):
            raise
        if os.environ.get("SANREID_LOG", "").upper() == "DEBUG":
            traceback.print_exc()
        sys.exit(f"{name}: {message(error)}")
