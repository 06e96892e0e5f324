"""Errors as one line that names the file and what to do.

Decisions: bad input, a full disk and missing permissions are reported in one line; a bug of the program keeps its
traceback, and SANREID_LOG=DEBUG shows a traceback for everything. Libraries whose errors mean bad input are listed here
by name, so that none of them has to be imported. Long lines are cut in the middle.
"""

import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

log = logging.getLogger("sanreid")

LINE = 600  # characters of a printed line
_FOREIGN = {("cv2", "error"), ("_csv", "Error"), ("torch", "OutOfMemoryError"), ("torch.cuda", "OutOfMemoryError")}
_FOREIGN |= {("safetensors._safetensors_rust", "SafetensorError"), ("zlib", "error")}
_REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space, the same command then goes on",
    errno.EDQUOT: "the quota is used up: free some space, the same command then goes on",
    errno.EACCES: "change its owner or mode (chmod), or choose another place",
    errno.EPERM: "change its owner or mode (chmod), or choose another place",
    errno.EROFS: "choose a place that can be written to",
    errno.EISDIR: "a file is wanted there: remove or rename the folder",
    errno.ENOTDIR: "a folder is wanted there: remove or rename the file",
    errno.ENOTEMPTY: "something else writes there: end it, or choose another place",
    errno.EEXIST: "remove or rename it",
    errno.ELOOP: "a link that leads back to itself: remove it",
    errno.ENAMETOOLONG: "choose shorter names",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "the machine has too many open files: end something else",
    errno.ENOENT: "is the name right?",
    errno.EIO: "the disk or the network drive fails: copy the file anew, or elsewhere",
    errno.ESTALE: "the network drive has lost it: mount it anew",
    errno.EINVAL: "the file system does not take that name or file; choose another place",
}


def short(value: Any, limit: int = 80) -> str:
    """`repr(value)`, cut in its middle to about `limit` characters."""
    if isinstance(value, (str, bytes)) and len(value) > 4 * limit:  # cut first, so that repr needs no second copy
        text = f"{value[:limit]!r} ... {value[-limit:]!r}"
        return f"{cut(text, limit)} ({len(value):,} long)"
    return cut(repr(value), limit)


def cut(text: str, limit: int = 80) -> str:
    """`text`, without its middle if it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    half = (limit - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


def line(told: object, limit: int = 200) -> str:
    """A library's error message about a damaged file, as one short line."""
    return cut(" ".join(str(told).split()), limit)


def message(error: BaseException) -> str:
    """The message to print for `error`, with each of its lines cut to a readable length."""
    return "\n".join(cut(text, LINE) for text in _text(error).splitlines()[:50]) or type(error).__name__


def _text(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        named = [str(f) for f in (error.filename, error.filename2) if f is not None]
        if not named:
            return f"{error.strerror}; {_REMEDIES[error.errno]}" if _bare(error) else str(error.strerror or error)
        remedy = _REMEDIES.get(error.errno)
        return f"{' -> '.join(named)}: {error.strerror}" + (f"; {remedy}" if remedy else "")
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        said = f" ({error})" if str(error) else ""
        return f"out of memory{said}: make batch or picture size smaller, or end something else"
    if isinstance(error, UnicodeError):
        return f"{error}; a file that is read as text is no UTF-8: save it as UTF-8"
    return str(error)


def _bare(error: OSError) -> bool:
    """Whether `error` has only the operating system's message; our own messages name the file and the remedy."""
    return error.errno in _REMEDIES and error.strerror == os.strerror(error.errno or 0)


def expected(error: BaseException) -> bool:
    """Whether `error` comes from the input, the disk or the machine, and not from a bug of the program."""
    if isinstance(error, (ValueError, OSError, MemoryError)):
        return True
    return any((c.__module__, c.__qualname__) in _FOREIGN for c in type(error).__mro__)


def own_code(script: Path) -> None:
    """Refuse to run `script` with a `sanreid` package from another source tree, which would give results of other code.

    That can happen if a stage is started by hand in the environment of another clone; dvc.yaml's commands set
    PYTHONPATH.

    Raises ValueError.
    """
    own, used = script.resolve().parent.parent / "src" / "sanreid", Path(__file__).resolve().parent
    if own.is_dir() and own != used:
        raise ValueError(f"would run with {used} and not with {own}; set PYTHONPATH={own.parent}")


@contextmanager
def told(name: str) -> Iterator[None]:
    """If the block fails because of input, disk or machine, print one line that begins with `name`, and exit with 1.

    A script from another source tree than this package is refused (`own_code`).
    """
    try:
        own_code(Path(getattr(sys.modules["__main__"], "__file__", None) or "."))
        yield
    except KeyboardInterrupt:
        sys.exit(f"{name}: stopped; run the same command again")
    except Exception as error:
        if not expected(error):
            raise
        log.debug("where it came from:", exc_info=True)
        sys.exit(f"{name}: {message(error)}")


@contextmanager
def about(path: Path, remedy: str = "run the stage that writes it again") -> Iterator[None]:
    """Turn any exception that a library raises for a damaged file into a ValueError that names `path` and the remedy.

    Operating-system errors (no such file, no permission) name the file themselves and are not changed; SystemExit and
    KeyboardInterrupt are not caught.
    """
    try:
        yield
    except (OSError, MemoryError) as error:
        if isinstance(error, MemoryError) or error.errno is not None:
            raise
        raise ValueError(f"{path}: not readable ({line(error) or type(error).__name__}); {remedy}") from error
    except Exception as error:
        raise ValueError(f"{path}: not readable ({line(error) or type(error).__name__}); {remedy}") from error


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add `path` to an OSError of the block that names no file, as when writing to a full disk."""
    try:
        yield
    except OSError as error:
        if error.filename is None and _bare(error):
            raise type(error)(error.errno, error.strerror, str(path)) from error
        if error.errno is None and "requested and" in str(error):  # numpy's message when the disk is full
            raise OSError(f"{path}: could not be written ({error}); is the disk full?") from error
        raise
