"""Writes MATLAB files without time stamps, so that equal content gives equal bytes.

Decisions: scipy and MATLAB write the date into the first 116 bytes; here a fixed text stands there, so that the same
seed gives the same file and DVC sees no change.
"""

from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import savemat

TEXT_BYTES = 116  # the descriptive text that opens both formats; a subsystem offset, version and endian mark follow
USERBLOCK = 512  # v7.3 is HDF5 behind a block of this size


def write_v5(path: Path, variables: dict[str, Any]) -> None:
    """Write MAT v5, the variables in the given order (scipy.io.loadmat and MATLAB read it)."""
    savemat(path, variables, oned_as="column")
    with path.open("r+b") as file:
        file.write(_text("MATLAB 5.0 MAT-file, Platform: sanreid"))


def stamp_v73(path: Path) -> None:
    """Give an HDF5 file that was made with `userblock_size=512` the header by which MATLAB knows v7.3."""
    header = _text("MATLAB 7.3 MAT-file, Platform: sanreid HDF5 schema 1.00 .")
    with path.open("r+b") as file:
        file.write(header + bytes(8) + b"\x00\x02IM")


def cell(values: list[str], *, column: bool) -> np.ndarray:
    """A cell array of strings, (N, 1) where `column`, else (1, N)."""
    result = np.empty((len(values), 1) if column else (1, len(values)), object)
    result.flat[:] = values
    return result


def _text(text: str) -> bytes:
    return text.encode().ljust(TEXT_BYTES)
