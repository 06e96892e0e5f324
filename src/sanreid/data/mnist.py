"""MNIST's four IDX files, gzipped or not, as one table: pid is the digit, camid is null, split is train or test.

Decisions: the files are read whole and checked against each other before anything is written; a picture is named by its
place in the publisher's file (images/train/5/00000.png is the first training digit), so a row can be traced back.
"""

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from sanreid.data import index

SPLITS = {"train": "train", "test": "t10k"}  # the publisher's prefix of each split
IMAGES, LABELS = 2051, 2049  # magic numbers: unsigned bytes in 3 dimensions and in 1
CLASSES = 10


def read(raw: Path) -> tuple[pd.DataFrame, Iterator[tuple[str, np.ndarray]]]:
    """The table and a stream of (path, (28, 28, 3) uint8 RGB, the three channels equal) in its order.

    Raises FileNotFoundError for an absent file, ValueError for a wrong magic number, count, length or label.
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
    images_path, labels_path = _find(raw, f"{prefix}-images-idx3-ubyte"), _find(raw, f"{prefix}-labels-idx1-ubyte")
    pixels, labels = read_idx(images_path, IMAGES), read_idx(labels_path, LABELS)
    if len(pixels) != len(labels):
        raise ValueError(
            f"{images_path} has {len(pixels)} images, {labels_path} {len(labels)} labels; take one set's pair"
        )
    if len(labels) and labels.max() >= CLASSES:
        row = int(np.argmax(labels >= CLASSES))
        raise ValueError(f"{labels_path}: label {row} is {labels[row]}; digits are 0 to 9")
    return pixels, labels


def read_idx(path: Path, magic: int) -> np.ndarray:
    """The uint8 array of an IDX file: big-endian magic, one count a dimension, then the bytes, row by row.

    Raises ValueError naming the file where the magic number or the length is not what it must be.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a whole gzip file ({error}); download it again") from None
    dimensions = magic & 0xFF
    head = 4 + 4 * dimensions
    if len(content) < head:
        raise ValueError(f"{path}: {len(content)} bytes are too short for an IDX file; download it again")
    found, *shape = struct.unpack(f">{1 + dimensions}I", content[:head])
    if found != magic:
        kind = {IMAGES: "images", LABELS: "labels"}
        raise ValueError(f"{path}: magic number {found}, not {magic} ({kind[magic]}); is it another file, renamed?")
    expected = math.prod(shape)
    if len(content) - head != expected:
        size = " x ".join(map(str, shape))
        raise ValueError(f"{path}: says {size} = {expected} bytes and holds {len(content) - head}; download it again")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)


def _find(raw: Path, name: str) -> Path:
    for path in (raw / name, raw / f"{name}.gz"):
        if path.is_file():
            return path
    raise FileNotFoundError(f"{raw / name}[.gz]: not found; MNIST is four files, images and labels of train and t10k")
