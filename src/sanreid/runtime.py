"""What every stage needs: logging, device, seeds, and outputs that are written completely or not at all.

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


def autocast(precision: str, device: "torch.device") -> "torch.autocast":
    """The context for a forward pass: bfloat16 on CUDA if `precision` says so; a CPU always computes in float32."""
    import torch

    return torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda" and precision == "bfloat16")


def prepare(seed: int, threads: int | None = None) -> None:
    """Seed python, numpy and torch, and make glibc keep large freed blocks of memory.

    By default glibc returns them to the system, and every training step allocates its activations anew: 44 images/s
    instead of 79 for a wide decoder on two cores.
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
    """`items` with a progress bar and the time left; without a terminal, with a log line every half minute."""
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
    """A random generator for `seed` and keys: independent of all others, the same on every machine."""
    words = [zlib.crc32(k.encode()) if isinstance(k, str) else k for k in keys]
    return np.random.default_rng([seed, *words])


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`, which is renamed to `path` only if the block ends without an error.

    One process at a time: another that wants the same `path` waits. The next run removes what a killed one left.
    Raises ValueError if `path` may not be replaced (`_refuse`).
    """
    path = Path(path)
    _refuse(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_name(f".{path.name}.partial")
    with locks.held(path), faults.naming(path):
        for stale in [work, *path.parent.glob(f".{glob.escape(path.name)}.*.partial")]:
            owner = path.with_name(stale.name[1 : -len(".partial")])  # maybe of another output
            if stale == work or ("~" not in stale.name and locks.free(owner)):
                _remove(stale)
        work.mkdir()
        try:
            yield work
            _take_name(work, path)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def partial(path: Path, *inputs: object, files: Iterable[Path] = ()) -> Path:
    """The temporary folder of `resumable_folder` for `path`, named by a hash of inputs and files (size and date)."""
    stats = [(f.name, (s := f.stat()).st_size, s.st_mtime_ns) for f in files]
    key = zlib.crc32(repr((inputs, stats)).encode())
    return Path(path).with_name(f".{Path(path).name}.~{key:08x}.partial")


def holds(folder: Path) -> Callable[[str], bool]:
    """A function that says whether `folder` has a file of that name: to skip files that an earlier run has written."""
    return lambda name: (folder / name).is_file()


@contextmanager
def resumable_folder(path: Path, work: Path) -> Iterator[Path]:
    """As `atomic_folder`, but a killed or interrupted run leaves its temporary folder `work` (see `partial`), and the
    next run with the same inputs continues with it.

    Files that were being written (`~name`) are removed first. An error removes the folder, because another run would
    fail in the same way; except an OSError (disk full, no permission), whose cause can be removed.
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
    """Yield a temporary file name beside `path`; the file is renamed to `path` only if the block ends without an error.

    One process at a time, as in `atomic_folder`; the content is flushed to the disk before the file is renamed.
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
    """Refuse to replace anything but an output folder: the working folder or a parent of it, a link, a file."""
    real = Path(os.path.realpath(path))
    if real == Path.cwd() or real in Path.cwd().parents or path.name in ("", ".."):
        raise ValueError(f"{path}: holds the working folder, and an output replaces what lies there; name another")
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise ValueError(f"{path}: is no folder (a link leads elsewhere); name the output's own folder")


def _take_name(work: Path, path: Path) -> None:
    """Flush the folder `work` to the disk and rename it to `path`; what was there before is removed last."""
    _flush(work)
    old = path.with_name(f".{path.name}.old.partial")
    _remove(old)
    if path.exists():
        path.rename(old)
    work.rename(path)
    _remove(old)


def _flush(path: Path) -> None:
    """Flush a file to the disk, or for a folder its whole file system: a power cut must not leave empty files.

    For a folder with ten thousand pictures one call is faster than one per file.
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
    """Write `values` as indented JSON, completely or not at all; NaN is refused."""
    with atomic_file(path) as work:
        work.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n")


class Noted(dict[str, Any]):
    """A JSON object read from `file`; a missing key raises an error that names the file."""

    file = Path()

    def __missing__(self, key: str) -> Any:
        raise ValueError(f"{self.file}: has no {key!r}; run the stage that writes it again")


def read_json(path: Path) -> Noted:
    """The object in a JSON file that a stage wrote.

    Raises FileNotFoundError if there is no file, ValueError naming it if it is damaged or no object. Asking the result,
    or an object within it, for a missing key raises ValueError too.
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
