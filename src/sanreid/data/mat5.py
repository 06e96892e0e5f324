"""MATLAB's MAT v5 files as plain values: what a protocol or attribute file holds, and nothing that can hurt.

Decisions: read here and not by scipy.io.loadmat, whose compiled reader trusts what a file says about itself: one
flipped bit kills the interpreter, a few bytes ask for gigabytes, and a packed variable's checksum is not looked at.
Here every size is held against the bytes that are there, every checksum is verified, and what a file may unfold to is
bounded. It needs no process of its own, so it costs no start: CUHK03's protocol takes a tenth of a second.

The format: The MathWorks, "MAT-File Format", level 5.
"""

import math
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

LIMIT = 64 << 20  # bytes of a file, and of what it unfolds to; CUHK03's protocol unfolds to about one million
DEPTH = 16  # cells and structs inside one another
HEADER = 128
HDF5 = b"\x89HDF\r\n\x1a\n"  # at the start, or at a power of two from 512 on: MATLAB's v7.3
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
INT8, INT32, UINT32, MATRIX, COMPRESSED, UTF8 = 1, 5, 6, 14, 15, 16
CELL, STRUCT, CHAR, DOUBLE, SINGLE, UINT64 = 1, 2, 4, 6, 7, 15  # classes of arrays; the numeric ones are 6 to 15
OPAQUE = 17  # a new MATLAB's objects, its "strings" among them: no size, the name follows at once
COMPLEX = 0x08


class BrokenError(ValueError):
    """What is wrong inside a file; `read` adds its name and the remedy."""


class Part(NamedTuple):
    """One data element: its type, its bytes and where the next one starts."""

    kind: int
    data: memoryview
    end: int


def read(path: Path) -> dict[str, Any]:
    """The variables of a file by name.

    Numbers become arrays in MATLAB's shape, a text a str (several rows: a list of str), a cell array a list of its
    cells, column by column, a struct a dict (an array of structs: a list of dicts). What is none of these (objects,
    sparse or complex arrays, function handles) becomes None.
    Raises FileNotFoundError, or ValueError naming the file, what is wrong and the remedy.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not found, or no file")
    if (size := path.stat().st_size) > LIMIT:
        raise ValueError(f"{path}: {size} bytes, more than the {LIMIT} of any such file; is it the right one?")
    content = path.read_bytes()
    if any(content[at : at + 8] == HDF5 for at in (0, 512, 1024, 2048)) or content[124:128] == b"\x00\x02IM":
        raise ValueError(f"{path}: saved by MATLAB as v7.3 (HDF5), and this reads v5; save it in MATLAB with -v7")
    try:
        return _Reader(content).variables()
    except BrokenError as error:
        raise ValueError(f"{path}: not a readable MAT v5 file ({error}); download it again") from None


def whole(values: Any, where: str, low: int, high: int) -> list[int]:
    """The integers of an array of numbers, column by column; ValueError where one is broken or out of low..high."""
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf":
        raise ValueError(f"{where} holds no numbers; download the file again")
    flat = values.ravel(order="F")
    with np.errstate(invalid="ignore"):
        wrong = ~((flat == np.floor(flat)) & (flat >= low) & (flat <= high))
    if wrong.any():
        raise ValueError(
            f"{where} holds {flat[wrong.argmax()]}; known are the whole numbers {low} to {high}; download it again"
        )
    return flat.astype(np.int64).tolist()


class _Reader:
    """A file's content and how much it may still unfold to."""

    def __init__(self, content: bytes) -> None:
        if len(content) < HEADER or content[126:128] not in (b"IM", b"MI"):
            raise BrokenError("no header of the format")
        self.order = "<" if content[126:128] == b"IM" else ">"
        if struct.unpack_from(self.order + "H", content, 124) != (0x0100,):
            raise BrokenError("another version of the format")
        self.content = memoryview(content)
        self.left = LIMIT

    def variables(self) -> dict[str, Any]:
        """Every variable by name."""
        result: dict[str, Any] = {}
        at = HEADER
        while at < len(self.content):
            part = self.part(self.content, at)
            at = part.end
            if part.kind == COMPRESSED:
                inner = memoryview(self.unfold(part.data))
                part = self.part(inner, 0)
                if part.end != len(inner):
                    raise BrokenError("a packed variable has bytes to spare")
            if part.kind != MATRIX:
                raise BrokenError(f"a variable of unknown type {part.kind}")
            name, value = self.matrix(part.data, 0)
            if name and name in result:
                raise BrokenError("a variable is there twice")
            result[name] = value
        result.pop("", None)  # MATLAB's own, of objects and functions
        return result

    def unfold(self, data: memoryview) -> bytes:
        """A packed element's bytes; its checksum stands at its end, so all of it must be there."""
        stream = zlib.decompressobj()
        try:
            result = stream.decompress(data, self.left + 1)
        except zlib.error as error:
            raise BrokenError(f"a packed variable is damaged, {error}") from None
        if len(result) > self.left:
            raise BrokenError(f"it unfolds to more than {LIMIT} bytes")
        if not stream.eof or stream.unused_data:
            raise BrokenError("a packed variable is cut off or has bytes to spare")
        self.left -= len(result)
        return result

    def part(self, data: memoryview, at: int) -> Part:
        """The data element at `at`, which must lie inside `data`."""
        if at + 8 > len(data):
            raise BrokenError("an element is cut off")
        kind, size = struct.unpack_from(self.order + "II", data, at)
        if kind >> 16:  # up to four bytes in the tag itself
            kind, size = kind & 0xFFFF, kind >> 16
            if size > 4:
                raise BrokenError("a small element is too large")
            return Part(kind, data[at + 4 : at + 4 + size], at + 8)
        end = at + 8 + size
        if end > len(data):
            raise BrokenError("an element is cut off")
        padded = end if kind == COMPRESSED else end + -size % 8
        return Part(kind, data[at + 8 : end], min(padded, len(data)))

    def matrix(self, data: memoryview, depth: int) -> tuple[str, Any]:
        """Name and value of an array of any class."""
        if depth > DEPTH:
            raise BrokenError(f"more than {DEPTH} arrays inside one another")
        if not len(data):
            return "", np.empty((0, 0))
        flags = self.part(data, 0)
        if flags.kind != UINT32 or len(flags.data) != 8:
            raise BrokenError("an array without its class")
        word = struct.unpack_from(self.order + "I", flags.data)[0]
        kind, bits = word & 0xFF, word >> 8 & 0xFF
        if not CELL <= kind <= UINT64 or bits & COMPLEX:  # later classes are laid out otherwise
            if kind == OPAQUE:
                return self.text(self.part(data, flags.end), INT8), None
            return self.name(data, flags.end) if kind <= UINT64 else "", None
        sizes = self.part(data, flags.end)
        if sizes.kind not in (INT32, UINT32) or len(sizes.data) < 8 or len(sizes.data) % 4:
            raise BrokenError("an array without its size")
        shape = struct.unpack(f"{self.order}{len(sizes.data) // 4}i", sizes.data)
        if min(shape) < 0 or len(shape) > 32 or math.prod(shape) > len(data):
            raise BrokenError(
                f"an array says that it is {' x '.join(map(str, shape[:4]))}, which its bytes do not hold"
            )
        named = self.part(data, sizes.end)
        name = self.text(named, INT8, UTF8)
        rest = data[named.end :]
        if kind == CELL:
            return name, self.matrices(rest, math.prod(shape), depth)
        if kind == STRUCT:
            return name, self.structs(rest, math.prod(shape), depth)
        if kind == CHAR:
            return name, self.characters(rest, shape)
        return name, self.numbers(rest, shape, kind) if kind >= DOUBLE else None

    def name(self, data: memoryview, at: int) -> str:
        """The name of an array that is not read: behind its size."""
        return self.text(self.part(data, self.part(data, at).end), INT8)

    def matrices(self, data: memoryview, count: int, depth: int) -> list[Any]:
        """`count` arrays, one after the other, which must be all that there is."""
        result, at = [], 0
        for _ in range(count):
            part = self.part(data, at)
            if part.kind != MATRIX:
                raise BrokenError("a cell or field that is no array")
            result.append(self.matrix(part.data, depth + 1)[1])
            at = part.end
        if at != len(data):
            raise BrokenError("cells or fields to spare")
        return result

    def structs(self, data: memoryview, count: int, depth: int) -> dict[str, Any] | list[dict[str, Any]]:
        width = self.part(data, 0)
        if width.kind != INT32 or len(width.data) != 4:
            raise BrokenError("a struct without its fields")
        (letters,) = struct.unpack(self.order + "i", width.data)
        names = self.part(data, width.end)
        if names.kind != INT8 or letters < 1 or len(names.data) % letters:
            raise BrokenError("a struct without its fields")
        fields = [
            self.text(names._replace(data=names.data[at : at + letters]), INT8).partition("\0")[0]
            for at in range(0, len(names.data), letters)
        ]
        if len(set(fields)) < len(fields):
            raise BrokenError("a struct has a field twice")
        values = self.matrices(data[names.end :], count * len(fields), depth)
        rows = [dict(zip(fields, values[i * len(fields) :], strict=False)) for i in range(count)]
        return rows[0] if len(rows) == 1 else rows

    def characters(self, data: memoryview, shape: tuple[int, ...]) -> str | list[str]:
        part = self.part(data, 0)
        if part.end != len(data):
            raise BrokenError("a text has bytes to spare")
        letters = self.text(part, *TEXTS)
        if len(letters) != math.prod(shape):
            raise BrokenError("a text is not as long as it says")
        rows = ["".join(letters[row :: shape[0]]) for row in range(shape[0])] if letters else [""]
        return rows[0] if len(rows) == 1 else rows

    def text(self, part: Part, *kinds: int) -> str:
        if part.kind not in kinds:
            raise BrokenError("a text of unknown type")
        code = TEXTS[part.kind]
        if code in ("utf-16", "utf-32"):
            code += "-le" if self.order == "<" else "-be"
        try:
            return bytes(part.data).decode(code)
        except UnicodeDecodeError:
            raise BrokenError("a text that cannot be decoded") from None

    def numbers(self, data: memoryview, shape: tuple[int, ...], kind: int) -> np.ndarray:
        """The values as stored: MATLAB keeps whole numbers of any class in the smallest type that holds them."""
        part = self.part(data, 0)
        dtype = np.dtype(self.order + NUMBERS.get(part.kind, "V1"))
        if dtype.kind == "V" or (dtype.kind == "f" and kind > SINGLE):
            raise BrokenError("numbers of unknown type")
        if len(part.data) != dtype.itemsize * math.prod(shape) or part.end != len(data):
            raise BrokenError("an array does not have as many numbers as it says")
        return np.frombuffer(part.data, dtype).reshape(shape, order="F")
