"""Pictures on disk: RGB everywhere; OpenCV's BGR order exists inside this file alone.

Decisions: PNGs are written by `png`: on pictures of people ten times faster than by Pillow at 1.06 times the bytes,
and lossless all the same. Files that a publisher already ships as JPEG are copied byte by byte, never encoded again;
copied rather than hard-linked, because a cache that makes its links read-only must not reach into somebody's download.
"""

import os
import shutil
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from sanreid.data import png

THREADS = min(4, os.cpu_count() or 1)  # the encoders let go of the interpreter lock
IN_FLIGHT = 64  # pictures waiting for a thread: bounds the memory of a set larger than it


def read_rgb(path: Path) -> np.ndarray:
    """The picture as (H, W, 3) uint8 RGB.

    Raises FileNotFoundError where there is no file, ValueError where it is no picture.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path}: not found")
        raise ValueError(f"{path}: not a readable picture (cut off in the download?); replace it")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def write_rgb(path: Path, image: np.ndarray) -> None:
    """Write (H, W, 3) RGB or (H, W) grey uint8; the suffix of `path` chooses the format.

    Raises ValueError for another type or shape: a cast here would wrap values around unseen.
    """
    if image.dtype != np.uint8 or not image.size or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise ValueError(f"{path}: wants uint8 (H, W, 3) or (H, W), not {image.dtype} {image.shape}; clip, then cast")
    if Path(path).suffix == ".png":
        encoded = png.encode(image)
    else:
        pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
        encoded = cv2.imencode(Path(path).suffix, np.ascontiguousarray(pixels))[1].tobytes()
    try:
        Path(path).write_bytes(encoded)
    except OSError as error:
        why = f"{path}: could not be written ({error.strerror}); is the disk full, or the folder missing?"
        raise OSError(error.errno, why) from None


def write_all(folder: Path, pictures: Iterable[tuple[str, np.ndarray]]) -> None:
    """Write each (path relative to `folder`, array as in `write_rgb`) of a stream, a few at a time in threads.

    A file that has its name is whole, whatever stops the writing.
    """
    _in_threads((_write_whole, _place(folder, name), image) for name, image in pictures)


def copy_all(folder: Path, files: Iterable[tuple[str, Path]]) -> None:
    """Copy each (path relative to `folder`, source file) unchanged, a few at a time in threads."""
    _in_threads((shutil.copyfile, source, _place(folder, name)) for name, source in files)


def size(path: Path) -> tuple[int, int]:
    """Height and width in pixels, from the header alone.

    Raises ValueError where the file is no picture.
    """
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except UnidentifiedImageError:
        raise ValueError(f"{path}: not a readable picture; replace it") from None


def files(folder: Path, suffixes: tuple[str, ...] = (".png", ".jpg", ".jpeg")) -> list[Path]:
    """The pictures directly in `folder`, sorted by name; Thumbs.db and the like are left out, hidden files too.

    Raises FileNotFoundError where there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith("."))


def found(folder: Path) -> list[Path]:
    """`files`, or nothing where there is no such folder: for what a set may lack."""
    return files(folder) if folder.is_dir() else []


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
