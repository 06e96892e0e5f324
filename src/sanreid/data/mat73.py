"""MATLAB's v7.3 files, which are HDF5: opened, followed by reference, and never out of the file.

Decisions: HDF5 lets a file borrow its arrays from elsewhere (external links, external storage, virtual data sets), so
that a download could read any file of the machine into a data set: each is refused by name. What an array says of its
size is held against a limit, and against the bytes that are there, before memory is taken. Whatever the library
raises about a damaged file becomes a ValueError that names it. All this costs a picture some thirty microseconds.
"""

import itertools
import math
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from sanreid.faults import line, short

LIMIT = 300_000_000  # bytes of one array: a picture of 100 million pixels
CELLS = 1_000_000  # references of one cell array: ten slots of 100,000 people
INFLATED = 1 << 30  # bytes that one array's packed pieces may unfold to
PIECES = 10_000  # that one array is packed in
RATIO = 1032  # deflate packs no tighter
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF}
NAMES = 1000  # of the root that are looked at; the publisher's file has four
HOPS = 16  # soft links that lead to soft links
# what h5py answers a broken file with
ERRORS = (OSError, ValueError, KeyError, IndexError, RuntimeError, TypeError, AttributeError, OverflowError)
ERRORS = (*ERRORS, MemoryError, SystemError)
AGAIN = "download the file again"


class Array(NamedTuple):
    """An array that lies in its file, not read yet: what it says of itself, asked once, as each question costs time."""

    data: h5py.h5d.DatasetID
    plan: h5py.h5p.PropDCID
    shape: tuple[int, ...]
    dtype: np.dtype

    def place(self) -> tuple[int, ...]:
        """Where it lies: no two arrays have the same."""
        return h5py.h5g.get_objinfo(self.data).objno


class RefusedError(ValueError):
    """A complaint that is complete: file, place and remedy."""


def opened(path: Path) -> h5py.File:
    """The file, whose root leads nowhere else; ValueError where it is cut off or does."""
    with path.open("rb"):  # the system's own words where it may not be read: HDF5's name no reason
        pass
    try:
        file = h5py.File(path, "r")
    except ERRORS as error:
        raise ValueError(f"{path}: not a whole HDF5 file ({line(error)}); download it again") from None
    try:
        for name in itertools.islice(file, NAMES):
            _link(file, name, f"{path}: {short(name)}")
    except RefusedError:
        file.close()
        raise
    except ERRORS as error:
        file.close()
        raise ValueError(f"{path}: not a whole HDF5 file ({line(error)}); download it again") from None
    return file


def named(file: h5py.File, name: str) -> Array | None:
    """The array of that name at the root, or None; ValueError where it is no array or leads out of the file."""
    where = f"{file.filename}: '{name}'"
    with _told(where):
        found, hops = file["/"], 0
        steps = deque([name])
        while steps:
            if (step := steps.popleft()) in ("", "."):
                continue
            link = _link(found, step, where)
            if link is None:
                return None
            if isinstance(link, h5py.SoftLink):
                hops += 1
                if hops > HOPS:
                    raise RefusedError(f"{where} leads in circles; {AGAIN}")
                found = file["/"] if link.path.startswith("/") else found
                steps.extendleft(reversed(link.path.split("/")))
                continue
            found = found[step]
        return _inside(found.id, where)


def follow(file: h5py.File, reference: h5py.Reference, where: str) -> Array:
    """The array that a reference leads to, by HDF5's own calls: a third of h5py's time, which a picture is too small
    for. ValueError (prefixed by `where`) where there is none, or its bytes lie elsewhere.
    """
    with _told(where):
        return _inside(h5py.h5r.dereference(reference, file.id), where)


def references(array: Array, where: str) -> np.ndarray:
    """The references (rows, columns) of a cell array; ValueError where it is none, or far too large."""
    with _told(where):
        if h5py.check_ref_dtype(array.dtype) is not h5py.Reference or len(array.shape) != 2:
            raise RefusedError(f"{where} is no table of cells; {AGAIN}")
        return _read(array, where, CELLS)


def values(array: Array, where: str) -> np.ndarray:
    """The numbers of an array; ValueError where it is too large, or its bytes are not there."""
    with _told(where):
        if array.dtype.kind not in "uif":
            raise RefusedError(f"{where} is {line(array.dtype)}, not numbers; {AGAIN}")
        return _read(array, where, LIMIT // array.dtype.itemsize)


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Turn what h5py answers a broken file with in the block into a RefusedError that `where` begins."""
    try:
        yield
    except RefusedError:
        raise
    except ERRORS as error:
        raise RefusedError(f"{where} cannot be read ({line(error)}); {AGAIN}") from None


def _link(group: h5py.Group, name: str, where: str) -> object:
    """The link of that name, or None; only hard and soft ones are followed."""
    link = group.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        raise RefusedError(
            f"{where} is a link into another file ({line(link.filename)}), which is not followed; "
            "put the publisher's own file there"
        )
    return link


def _inside(data: object, where: str) -> Array:
    """An array whose bytes lie in the file itself. Asked before its shape, which a virtual one fetches elsewhere."""
    if not isinstance(data, h5py.h5d.DatasetID):
        raise RefusedError(f"{where} leads to no array; {AGAIN}")
    plan = data.get_create_plist()
    if plan.get_external_count() or plan.get_layout() == h5py.h5d.VIRTUAL:
        kind = "external storage" if plan.get_external_count() else "a virtual data set"
        raise RefusedError(
            f"{where} takes its bytes from another file ({kind}), which is not followed; "
            "put the publisher's own file there"
        )
    return Array(data, plan, data.shape, data.dtype)


def _read(array: Array, where: str, limit: int) -> np.ndarray:
    """The whole array, of at most `limit` elements."""
    data, plan, shape, dtype = array
    count = math.prod(shape)
    if count > limit:
        raise RefusedError(f"{where} says that it is {_size(shape)}, more than the {limit} of any such array; {AGAIN}")
    stored = data.get_storage_size()
    chunked = plan.get_layout() == h5py.h5d.CHUNKED
    if dtype.kind != "O" and not plan.get_nfilters():
        size = count * dtype.itemsize
        if stored < size or (stored > size and not chunked):  # the pieces at the edges are larger than what they hold
            raise RefusedError(f"{where} says that it is {_size(shape)}, and has {stored} bytes; {AGAIN}")
    if chunked:
        _check_pieces(array, stored, where)
    result = np.empty(shape, dtype)
    data.read(h5py.h5s.ALL, h5py.h5s.ALL, result)
    return result


def _check_pieces(array: Array, stored: int, where: str) -> None:
    """Refuse an array in pieces that lacks one, or that could unfold to far more than it says: the library itself sets
    no bound.
    """
    data, plan, shape, dtype = array
    filters = [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]
    if len(set(filters)) < len(filters) or not set(filters) <= FILTERS:
        raise RefusedError(f"{where} is packed by HDF5's filters {filters}, not as MATLAB does it; {AGAIN}")
    if not stored and shape:
        raise RefusedError(f"{where} says that it is {_size(shape)}, and has no bytes; {AGAIN}")
    sides = plan.get_chunk()
    piece = math.prod(sides) * dtype.itemsize
    corners = [range(0, length, side) for length, side in zip(shape, sides, strict=True)]
    if piece > LIMIT or math.prod(map(len, corners)) > PIECES:
        raise RefusedError(f"{where} is packed in {_size(tuple(map(len, corners)))} pieces of {piece} bytes; {AGAIN}")
    large = stored * RATIO > INFLATED and h5py.h5z.FILTER_DEFLATE in filters
    # a damaged list of pieces loses some, which the library would read as zeros; asked for by place, they are missed
    for corner in itertools.product(*corners):
        if data.get_chunk_info_by_coord(corner).size > stored:
            raise RefusedError(f"{where} is packed in pieces of unknown size; {AGAIN}")
        skipped, packed = data.read_direct_chunk(corner)
        if skipped:
            raise RefusedError(f"{where} is not packed as it says; {AGAIN}")
        if large and len(zlib.decompressobj().decompress(packed, piece + 5)) > piece + 4:  # 4: a checksum
            raise RefusedError(f"{where} unfolds to more than it says; {AGAIN}")


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape[:6]))
