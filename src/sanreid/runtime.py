"""What every stage needs from the machine: logging, device, seeds, and outputs that are whole or absent.

Decisions: torch is imported only where it is needed, so that the readers and the renderer start in a fraction of a
second and their worker processes stay small.
"""

import ctypes
import glob
import json
import logging
import os
import random
import shutil
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from tqdm import tqdm

from sanreid import faults, locks

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

log = logging.getLogger("sanreid")

EVERY = 30.0  # seconds between the lines that `progress` logs


def configure_logging() -> None:
    """Log to standard error; SANREID_LOG=DEBUG shows where an error came from."""
    level = os.environ.get("SANREID_LOG", "INFO").upper()
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)


def device() -> "torch.device":
    """The first visible CUDA device, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def prepare(seed: int, threads: int | None = None) -> None:
    """Seed python, numpy and torch, and let glibc keep large freed blocks.

    Without the allocator's thresholds each step maps and unmaps its activations again: 44 against 79 images/s for a
    wide decoder on two cores.
    """
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - libraries that still draw from the global state
    torch.manual_seed(seed)
    if threads:
        torch.set_num_threads(threads)
    if sys.platform == "linux":
        try:
            libc = ctypes.CDLL("libc.so.6")
            trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
            libc.mallopt(mmap_threshold, 1 << 30)
            libc.mallopt(trim_threshold, 1 << 30)
        except OSError:
            log.debug("no glibc: the allocator keeps its defaults")


def progress(items: Iterable[T], total: int, title: str, unit: str = "images") -> Iterator[T]:
    """`items` with a bar and the time left on a terminal; elsewhere a log line every half minute says the same."""
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=title, leave=False, unit=unit)
        return
    begun = told = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        if (now := time.monotonic()) - told >= EVERY and done < total:
            told, left = now, (now - begun) / done * (total - done)
            log.info("%s: %d of %d %s, %d:%02d left", title, done, total, unit, left // 60, left % 60)


def rng(seed: int, *keys: int | str) -> np.random.Generator:
    """An independent generator for each tuple of keys, the same on every machine and for any number of processes."""
    words = [zlib.crc32(k.encode()) if isinstance(k, str) else k for k in keys]
    return np.random.default_rng([seed, *words])


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path`; it takes the name `path` only if the block ends without an error.

    One process at a time: another that wants the same `path` waits. A killed run's sibling is swept up by the next.
    Raises ValueError where `path` is no place for an output (`_refuse`).
    """
    path = Path(path)
    _refuse(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_name(f".{path.name}.partial")
    with locks.held(path), faults.naming(path):
        for stale in [work, *path.parent.glob(f".{glob.escape(path.name)}.*.partial")]:
            owner = path.with_name(stale.name[1 : -len(".partial")])  # of a name that begins like ours, perhaps
            if stale == work or ("~" not in stale.name and locks.free(owner)):
                _remove(stale)
        work.mkdir()
        try:
            yield work
            _take_name(work, path)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def partial(path: Path, *inputs: object, files: Iterable[Path] = ()) -> Path:
    """The sibling that `resumable_folder` fills for `path`: named by a hash of the inputs and files (size and date)."""
    stats = [(f.name, (s := f.stat()).st_size, s.st_mtime_ns) for f in files]
    key = zlib.crc32(repr((inputs, stats)).encode())
    return Path(path).with_name(f".{Path(path).name}.~{key:08x}.partial")


def holds(folder: Path) -> Callable[[str], bool]:
    """Whether `folder` holds the file of a name by then: what a reader skips where `resumable_folder` goes on."""
    return lambda name: (folder / name).is_file()


@contextmanager
def resumable_folder(path: Path, work: Path) -> Iterator[Path]:
    """Yield `work`, a sibling named by `partial`, which takes the name `path` only if the block ends without an error.

    One process at a time, as in `atomic_folder`. A kill or an interruption leaves it, and the next run with the same
    inputs finds what is there; files that were being written (`~name`) are swept up. An error removes it, as another
    run would end in the same one; but not one of the disk (full, forbidden), which somebody will mend.
    """
    path = Path(path)
    _refuse(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with locks.held(path), faults.naming(path):
        work.mkdir(exist_ok=True)
        for stale in path.parent.glob(f".{glob.escape(path.name)}.~*.partial"):
            if stale != work:
                _remove(stale)
        for torn in work.rglob("~*"):
            torn.unlink()
        try:
            yield work
        except OSError:
            raise
        except Exception:
            shutil.rmtree(work, ignore_errors=True)
            raise
        _take_name(work, path)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling file name; it takes the name `path` only if the block ends without an error.

    One process at a time, as in `atomic_folder`; the content is on the disk before it has the name.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ValueError(f"{path}: no file, so none can take its place; name another")
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_name(f".{path.name}.partial")
    with locks.held(path), faults.naming(path):
        try:
            yield work
            _flush(work)
            work.replace(path)
        finally:
            work.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    """Remove a folder, a file or nothing; raises OSError where it cannot be removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _refuse(path: Path) -> None:
    """Refuse to replace what is no folder of an output: what this process stands in, a link, a file, a device."""
    real = Path(os.path.realpath(path))
    if real == Path.cwd() or real in Path.cwd().parents or path.name in ("", ".."):
        raise ValueError(f"{path}: holds the working folder, and an output replaces what lies there; name another")
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise ValueError(f"{path}: is no folder (a link leads elsewhere); name the output's own folder")


def _take_name(work: Path, path: Path) -> None:
    """Give the folder `work`, once it is on the disk, the name `path`; what had the name before goes last."""
    _flush(work)
    old = path.with_name(f".{path.name}.old.partial")
    _remove(old)
    if path.exists():
        path.rename(old)
    work.rename(path)
    _remove(old)


def _flush(path: Path) -> None:
    """Bring a file to the disk, or all that its file system was given so far: a power cut must not leave empty files.

    A folder of ten thousand pictures is flushed by one call and not by one each.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if path.is_file():
            os.fsync(descriptor)
        elif sys.platform == "linux":
            ctypes.CDLL(None).syncfs(descriptor)
        else:
            os.sync()
    finally:
        os.close(descriptor)


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write `values` as readable JSON, whole or not at all; NaN is refused."""
    with atomic_file(path) as work:
        work.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n")


class Noted(dict[str, Any]):
    """A JSON object of a file: a key that it lacks is an error that names `file`."""

    file = Path()

    def __missing__(self, key: str) -> Any:
        raise ValueError(f"{self.file}: has no {key!r}; run the stage that writes it again")


def read_json(path: Path) -> Noted:
    """The object that a JSON file of a stage holds.

    Raises FileNotFoundError where there is none, ValueError naming it where it is damaged, is no object, or is asked
    for a key that it lacks, in objects within it too.
    """

    def noted(values: dict[str, Any]) -> Noted:
        result = Noted(values)
        result.file = path
        return result

    try:
        values = json.loads(path.read_text(encoding="utf-8"), object_hook=noted)
    except (ValueError, RecursionError) as error:  # a decoding error is a ValueError too
        raise ValueError(f"{path}: not JSON ({error}); run the stage that writes it again") from None
    if not isinstance(values, Noted):
        raise ValueError(
            f"{path}: a JSON object was expected, not {faults.short(values)}; run the stage that writes it again"
        )
    return values
