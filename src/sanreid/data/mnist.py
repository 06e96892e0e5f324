"""MNIST's four IDX files, gzipped or not, as one table: pid is the digit, camid is null, split is train or test.

Decisions: the files are read completely and checked against each other before anything is written. The size in a file's
header is checked first, and no more than that is decompressed. Whether a file is gzipped is read from its first bytes,
not from its name, because browsers may unpack downloads. A picture's name is its place in the publisher's file
(images/train/5/00000.png is the first training digit, a 5), so that it can be found there.
"""

import gzip
import io
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from sanreid.data import index
from sanreid.faults import line

SPLITS = {"train": "train", "test": "t10k"}  # the publisher's prefix of each split
IMAGES, LABELS = 2051, 2049  # magic numbers: unsigned bytes in 3 dimensions and in 1
CLASSES, SIDE = 10, 28
LIMIT = 1 << 30  # bytes of one file's pictures; MNIST has 47 million
FOLDERS = ("", "raw", "MNIST/raw")  # of the named one: torchvision lays them below
NAMES = ("{}-{}-idx{}-ubyte", "{}-{}.idx{}-ubyte")  # the publisher's own and how some archives unpack
RATIO = 1032  # gzip packs no tighter
GZIP = b"\x1f\x8b"


def read(raw: Path) -> tuple[pd.DataFrame, Iterator[tuple[str, np.ndarray]]]:
    """The table and a stream of (path, (28, 28, 3) uint8 RGB, the three channels equal) in its order.

    `raw` holds the four files, or raw/ or MNIST/raw/ with them.
    Raises FileNotFoundError for an absent file, ValueError for a wrong magic number, count, size, length or label, and
    where either split has no images.
    """
    table, greys = read_grey(raw)
    return table, ((path, np.repeat(grey[..., None], 3, axis=2)) for path, grey in greys)


def read_grey(raw: Path) -> tuple[pd.DataFrame, Iterator[tuple[str, np.ndarray]]]:
    """As `read`, with (28, 28) uint8 pictures as published."""
    tables, digits = [], []
    for split, prefix in SPLITS.items():
        pixels, labels = read_pair(Path(raw), prefix)
        digits.append(pixels)
        paths = [f"images/{split}/{digit}/{i:05d}.png" for i, digit in enumerate(labels.tolist())]
        tables.append(
            pd.DataFrame(
                {
                    "path": paths,
                    "pid": labels.astype(np.int64),
                    "camid": pd.array([pd.NA] * len(paths), dtype="Int64"),
                    "split": split,
                },
                columns=list(index.COLUMNS),
            )
        )
    table = pd.concat(tables, ignore_index=True)
    return table, zip(table["path"], (picture for pixels in digits for picture in pixels), strict=True)


def read_pair(raw: Path, prefix: str) -> tuple[np.ndarray, np.ndarray]:
    """(N, H, W) uint8 pictures and (N,) uint8 labels of `prefix` (train or t10k); errors as in `read`."""
    images_path, labels_path = find(raw, prefix, "images", 3), find(raw, prefix, "labels", 1)
    pixels, labels = read_idx(images_path, IMAGES), read_idx(labels_path, LABELS)
    if len(pixels) != len(labels):
        raise ValueError(
            f"{images_path} has {len(pixels)} images, {labels_path} {len(labels)} labels; take one set's pair"
        )
    if not len(pixels):
        raise ValueError(f"{images_path}: holds no images; download it again")
    if labels.max() >= CLASSES:
        row = int(np.argmax(labels >= CLASSES))
        raise ValueError(f"{labels_path}: label {row} is {labels[row]}; digits are 0 to 9")
    return pixels, labels


def read_idx(path: Path, magic: int) -> np.ndarray:
    """The uint8 array of an IDX file: big-endian magic, one count a dimension, then the bytes, row by row.

    Raises ValueError naming the file where the magic number, the size or the length is not what it must be.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == GZIP
            file.seek(0)
            return _parse(path, gzip.GzipFile(fileobj=file) if packed else file, magic)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a whole gzip file ({line(error)}); download it again") from None


def _parse(path: Path, file: io.BufferedIOBase, magic: int) -> np.ndarray:
    dimensions = magic & 0xFF
    head = file.read(4 + 4 * dimensions)
    if len(head) < 4 + 4 * dimensions:
        raise ValueError(f"{path}: {len(head)} bytes are too short for an IDX file; download it again")
    found, *shape = struct.unpack(f">{1 + dimensions}I", head)
    if found != magic:
        kind = {IMAGES: "images", LABELS: "labels"}
        raise ValueError(f"{path}: magic number {found}, not {magic} ({kind[magic]}); is it another file, renamed?")
    size, expected = " x ".join(map(str, shape)), math.prod(shape)
    if shape[1:] != [SIDE] * (dimensions - 1):
        raise ValueError(f"{path}: says {size}, and MNIST's images are 28 x 28; is it another set?")
    size_on_disk = path.stat().st_size
    there = size_on_disk * RATIO if isinstance(file, gzip.GzipFile) else size_on_disk - len(head)
    if expected > there:
        raise ValueError(f"{path}: says {size} = {expected} bytes and holds at most {there}; download it again")
    if expected > LIMIT:
        raise ValueError(f"{path}: says {size} = {expected} bytes, more than the {LIMIT} allowed; download it again")
    content = file.read(expected + 1)  # the byte more has a gzip file's checksum looked at, too
    if len(content) != expected:
        more = "more" if len(content) > expected else len(content)
        raise ValueError(f"{path}: says {size} = {expected} bytes and holds {more}; download it again")
    return np.frombuffer(content, np.uint8).reshape(shape)


def find(raw: Path, prefix: str, kind: str, dimensions: int) -> Path:
    """The file of `prefix` (train or t10k) and `kind` (images or labels): in the first folder that has any of them.

    The unpacked one where both are there. Raises FileNotFoundError.
    """
    raw = Path(raw)
    wanted = [name.format(prefix, kind, dimensions) + end for name in NAMES for end in ("", ".gz")]
    for folder in (raw / name for name in FOLDERS):
        for name in sorted(wanted, key=lambda name: name.endswith(".gz")):
            if (folder / name).is_file():
                return folder / name
        if any(folder.glob("*-ubyte*")):  # never one file of here and another of there
            raw = folder
            break
    raise FileNotFoundError(
        f"{raw / wanted[0]}[.gz]: not found; MNIST is four files, images and labels of train and t10k"
    )
