"""Reads UTF-8 text files written by users, with a helpful error for other encodings.

Decision: no encoding is guessed: Latin-1 would accept any bytes and often give wrong names. The error names the file,
and asks the user to save it as UTF-8.
"""

import os
import stat
from pathlib import Path

LARGEST = 1 << 30  # bytes; a table of ten million pictures has half of it
REMEDY = "save it as UTF-8 (a spreadsheet calls it 'CSV UTF-8, comma delimited')"
_STARTS = {
    b"PK\x03\x04": "an Excel workbook or another ZIP file, whatever its name says",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook, whatever its name says",
    b"\x1f\x8b": "a gzip file, whatever its name says",
    b"PAR1": "a parquet file, whatever its name says",
    b"\xff\xfe": "in UTF-16",
    b"\xfe\xff": "in UTF-16",
}


def read(path: Path) -> str:
    """The text of a UTF-8 file, with or without a byte order mark.

    Raises ValueError with the file, its actual kind, if known the line, and the remedy; OSError if it cannot be read.
    """
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for, a device read for ever
            what = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe or device"
            raise ValueError(f"{path}: is {what}, not a text; put the file itself there")
        if found.st_size > LARGEST:
            raise ValueError(
                f"{path}: {found.st_size >> 20} MB, too large for a text of this kind; is it the right one?"
            )
        data = Path(path).read_bytes()
    except OSError as error:
        raise type(error)(f"{path}: cannot be read ({error.strerror})") from None
    for start, what in _STARTS.items():
        if data.startswith(start):
            raise ValueError(f"{path}: is {what}; {REMEDY}")
    if (at := data.find(0)) >= 0:
        what = (
            "in UTF-16" if at < 2 and data[1 - at : 8 : 2].strip(b"\0") else "damaged or no text (it holds zero bytes)"
        )
        raise ValueError(f"{path}: is {what}; {REMEDY}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        given = data[error.start : error.end].hex()
        raise ValueError(f"{path}: line {line}: is not UTF-8 (byte {given}; Latin-1, perhaps); {REMEDY}") from None
