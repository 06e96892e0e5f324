"""Reading, writing, copying and checking picture files; always RGB, OpenCV's BGR order is used inside this file only.

Decisions: PNGs are written by png.py, ten times faster than by Pillow for pictures of people, lossless, with 1.06 times
the bytes. A publisher's JPEGs are copied byte by byte, never encoded again; they are copied and not hard-linked,
because DVC makes its cache read-only, which would change the user's download through the link. Copied files are fully
verified (`verify`); for files that are read later only header and end are checked.
"""

import mmap
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from sanreid.data import image_headers, verify
from sanreid.data.links import Inside, shown

THREADS = min(4, os.cpu_count() or 1)  # the encoders release the interpreter lock
IN_FLIGHT = 64  # pictures waiting for a thread: bounds the memory of a set larger than it
LARGEST = 1 << 30  # bytes of a file: image_headers.LIMIT pixels of 10 bytes, the most that a format has
_OPENED = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # opening a pipe must not block
Broken = Literal["error", "leave_out"]  # what to do about a broken picture

# OpenCV prints warnings of its own; what is wrong with a picture is told here, in one line that names it
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class RefusedError(ValueError):
    """A file that `copy_all` refuses; `name` is its name in the target folder."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def read_rgb(path: Path) -> np.ndarray:
    """The picture as (H, W, 3) uint8 RGB, rotated by its EXIF orientation.

    Raises FileNotFoundError where there is no file, OSError where it cannot be read, ValueError where it is no picture,
    is cut off or has more than image_headers.LIMIT pixels.
    """
    return cv2.cvtColor(_decode(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def read_grey(path: Path) -> np.ndarray:
    """The picture as (H, W) uint8 of its brightness; else as `read_rgb`."""
    return _decode(path, cv2.IMREAD_GRAYSCALE)


def write_rgb(path: Path, image: np.ndarray) -> None:
    """Write (H, W, 3) RGB or (H, W) grey uint8; the suffix of `path` chooses the format.

    Raises ValueError for another type or shape: a cast here would wrap values around unseen.
    """
    if image.dtype != np.uint8 or not image.size or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise ValueError(f"{path}: wants uint8 (H, W, 3) or (H, W), not {image.dtype} {image.shape}; clip, then cast")
    if Path(path).suffix == ".png":
        from sanreid.data import png  # imported here, because it needs numba, and most users of this module only read

        encoded = png.encode(image)
    else:
        pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
        encoded = cv2.imencode(Path(path).suffix, np.ascontiguousarray(pixels))[1].tobytes()
    _write(path, encoded)


def write_all(folder: Path, pictures: Iterable[tuple[str, np.ndarray]]) -> None:
    """Write each (path relative to `folder`, array as in `write_rgb`) of a stream, a few at a time in threads.

    Each file is written under a temporary name and renamed, so that a file with its own name is complete.
    """
    _in_threads((_write_whole, _place(folder, name), image) for name, image in pictures)


def copy_all(
    folder: Path, files: Iterable[tuple[str, Path]], broken: Broken = "error", roots: Sequence[Path] = ()
) -> dict[str, str]:
    """Copy and verify each (path relative to `folder`, source file), a few at a time in threads.

    Returns name and reason of the broken pictures that were left out, sorted by name. Raises RefusedError for the first
    broken picture if `broken` is "error", and always for a link that leads out of all `roots`, if any are given
    (`links.Inside`), and for a damaged .npy file.
    """
    lost: dict[str, str] = {}
    inside = Inside(roots)

    def copy(name: str, source: Path, target: Path) -> None:
        if not inside(source):
            raise RefusedError(name, inside.why(source))
        data = load(source)
        try:
            if source.suffix == ".npy":
                verify.verify_array(data)
            else:
                verify.verify(data)
        except ValueError as error:
            if broken == "error" or source.suffix == ".npy":
                raise RefusedError(name, f"{source}: {error}") from None
            lost[name] = str(error).split(";")[0]
        else:
            _write(target, data)

    _in_threads((copy, name, source, _place(folder, name)) for name, source in files)
    return dict(sorted(lost.items()))


def verify_all(paths: Iterable[Path], root: Path) -> None:
    """Verify each picture completely, a few at a time in threads; `root` as in `copy_all`.

    Raises ValueError naming the first that is broken or a link out of `root`.
    """
    inside = Inside([root])

    def look(path: Path) -> None:
        if not inside(path):
            raise ValueError(inside.why(path))
        try:
            verify.verify(load(path))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    _in_threads((look, path) for path in paths)


def load(path: Path) -> bytes:
    """The bytes of a picture's file; errors that name it, as in `read_rgb`."""
    try:
        file = os.open(path, _OPENED)
        try:
            found = os.fstat(file)
            if stat.S_ISREG(found.st_mode) and found.st_size <= LARGEST:
                data = os.read(file, found.st_size + 1)  # usually the whole file in one call
                while 0 < len(data) < found.st_size and (more := os.read(file, found.st_size)):
                    data += more
                return data
        finally:
            os.close(file)
    except FileNotFoundError:
        dead = os.path.islink(path)
        raise FileNotFoundError(f"{path}: {'a link that leads nowhere; remove it' if dead else 'not found'}") from None
    except OSError as error:
        raise type(error)(f"{path}: cannot be read ({error.strerror}); replace it, or see who may read it") from None
    if stat.S_ISREG(found.st_mode):
        raise ValueError(f"{path}: {found.st_size >> 20} MB, too large for a picture; make it smaller")
    raise OSError(f"{path}: a {'folder' if stat.S_ISDIR(found.st_mode) else 'device'}, not a picture; remove it")


def size(path: Path) -> tuple[int, int]:
    """Height and width in pixels, from the header alone.

    Raises ValueError where the file is no picture or has more than image_headers.LIMIT pixels, OSError as `read_rgb`.
    """
    try:
        if os.stat(path).st_size:
            with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                header = image_headers.read(data)
        else:
            header = image_headers.read(b"")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except OSError:
        load(path)  # names what is wrong
        raise
    return header.height, header.width


def files(folder: Path, suffixes: tuple[str, ...] = (".png", ".jpg", ".jpeg")) -> list[Path]:
    """The pictures directly in `folder`, sorted by name; Thumbs.db and the like are left out, hidden files too.

    Raises FileNotFoundError where there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in suffixes and shown(p, folder) and not p.is_dir())


def found(folder: Path) -> list[Path]:
    """As `files`, but [] if there is no such folder: for optional parts of a set."""
    return files(folder) if folder.is_dir() else []


def _decode(path: Path, flags: int) -> np.ndarray:
    data = load(path)
    try:
        if not image_headers.ends(data, image_headers.read(data)):
            raise image_headers.broken("cut off")
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        if image is None:
            raise image_headers.broken()
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except cv2.error as error:
        raise ValueError(f"{path}: {image_headers.broken(error.err)}") from None
    return image


def _write(path: Path, data: bytes) -> None:
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        why = f"{path}: could not be written ({error.strerror}); is the disk full, or the folder missing?"
        raise OSError(error.errno, why) from None


def _place(folder: Path, name: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write_whole(path: Path, image: np.ndarray) -> None:
    torn = path.with_name(f"~{path.name}")
    write_rgb(torn, image)
    torn.replace(path)


def _in_threads(calls: Iterator[tuple]) -> None:
    """Run (function, *arguments) in threads with at most IN_FLIGHT waiting; the first error ends it."""
    waiting: deque[Future] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        for function, *arguments in calls:
            waiting.append(pool.submit(function, *arguments))
            if len(waiting) >= IN_FLIGHT:
                waiting.popleft().result()
        for future in waiting:
            future.result()
