"""A folder's pictures as they are searched: one float32 matrix in memory, kept on disk between starts of the page.

Decisions: features are kept by network and folder, each with its file's size and date, so that a folder is read once
and then only what is new or changed; what is gone is forgotten. The file is written whole or not at all, every minute
while a long folder is read, so that a page that is stopped goes on where it was. A picture that cannot be read is
named, counted and left out, and tried again when the folder is read again. Where nothing can be kept (a full disk, no
permission), what was read is searched all the same, and the page says that it is not kept.
"""

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app import pictures
from app.folders import inside
from app.network import Embeds
from sanreid import faults, runtime
from sanreid.data import images
from sanreid.search import listing, reading
from sanreid.search.index import is_text, packed, unpacked
from sanreid.search.reading import Row

BATCH = 64  # pictures embedded at a time: how often progress is told
SAVED = 60.0  # seconds between two writings of an index that is being made
NOBODY = -1  # pid or camid where it is not known

Stat = tuple[int, int]  # bytes and nanoseconds: what tells that a file changed
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Gallery:
    """N pictures of `folder`: names relative to it, features (N, D) of unit length, pids and camids (NOBODY: unknown).

    `asks` marks the queries of the set's own protocol; `broken` says by name why a picture was left out; `version`
    changes when any picture does; `unkept` says why the features are in memory alone ("": they are kept).
    """

    folder: Path
    names: list[str]
    features: NDArray[np.float32]
    pids: NDArray[np.int64]
    camids: NDArray[np.int64]
    asks: NDArray[np.bool_]
    broken: dict[str, str] = field(default_factory=dict)
    version: str = ""
    unkept: str = ""

    def path(self, row: int) -> Path:
        """The file of a row. Raises IndexError where there is no such row."""
        if not 0 <= row < len(self.names):
            raise IndexError(f"no picture {row}: there are {len(self.names)}")
        return self.folder / self.names[row]


def build(model: Embeds, folder: Path, kept: Path, report: Report = lambda done, of: None) -> Gallery:
    """The gallery of `folder`; what the file `kept` has of it is not read again, and `kept` is brought up to date.

    `report` is told how many pictures of how many are done. Raises as `listing.searched`, and ValueError where no
    picture of the folder can be used.
    """
    try:
        table = listing.searched(folder)
    except FileNotFoundError as error:
        raise FileNotFoundError(str(error).replace(str(folder), folder.name)) from None
    stats, broken = _stats(folder, table["path"].tolist())
    features = _load(kept, stats)
    missing = [name for name in stats if name not in features]
    done, saved, known = len(table) - len(missing), time.monotonic(), len(features)
    unkept = ""
    try:
        for start in range(0, len(missing), BATCH):
            report(done + start, len(table))
            for name, outcome in _embed(model, folder, missing[start : start + BATCH]):
                if isinstance(outcome, str):
                    broken[name] = outcome
                else:
                    features[name] = outcome
            if time.monotonic() - saved > SAVED:
                unkept = _try_save(kept, stats, features)
                saved = time.monotonic()
        report(len(table), len(table))
    finally:
        if len(features) > known or _rows(kept) not in (0, len(features)):
            unkept = _try_save(kept, stats, features)
    broken = dict(sorted(broken.items()))
    if not features:
        raise reading.none_left(folder.name, broken)
    rows = table[table["path"].isin(features.keys())]
    names = rows["path"].tolist()
    matrix = np.stack([features[name] for name in names]).astype(np.float32, copy=False)
    pids, camids = (rows[c].fillna(NOBODY).to_numpy(np.int64) for c in ("pid", "camid"))
    told = hashlib.blake2b(repr([(name, stats[name]) for name in names]).encode(), digest_size=8).hexdigest()
    return Gallery(folder, names, matrix, pids, camids, rows["asks"].to_numpy(bool), broken, told, unkept)


def stat(path: Path) -> Stat:
    """What tells that a file changed; OSError where there is none."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _stats(folder: Path, names: Sequence[str]) -> tuple[dict[str, Stat], dict[str, str]]:
    """Size and date of each file, and why one that lies outside of the folder or is gone is left out."""
    stats, broken, within = {}, {}, inside(folder)
    for name in names:
        if not is_text(name):  # for a browser and for parquet
            broken[name.encode(errors="backslashreplace").decode()] = "its name is no UTF-8; rename it"
            continue
        try:
            found = stat(folder / name)
        except OSError as error:
            broken[name] = f"cannot be read ({error.strerror})"
            continue
        if within(folder / name):
            stats[name] = found
        else:
            broken[name] = "a link out of the folder; put the file itself there"
    return stats, broken


def _embed(model: Embeds, folder: Path, names: Sequence[str]) -> Iterator[tuple[str, Row | str]]:
    """Each name with its feature, or with why it has none; what is large is shrunk first, as a sent picture is."""
    with tempfile.TemporaryDirectory() as room:
        places: dict[str, Path] = {}
        for number, name in enumerate(names):
            try:
                places[name] = _bounded(folder / name, Path(room) / str(number))
            except (ValueError, OSError) as error:
                yield name, reading.why(error, folder / name)
        yield from zip(places, reading.each(model.embed, list(places.values())), strict=True)


def _bounded(path: Path, shrunk: Path) -> Path:
    """The picture's own file, or one of fewer pixels beside `shrunk` where it is large; errors as `pictures.upload`."""
    height, width = images.size(path)
    pictures.check_size(height, width)
    if height * width <= pictures.LARGE:
        return path
    made = pictures.upload(images.load(path))
    place = shrunk.with_suffix(made.suffix)
    place.write_bytes(made.data)
    return place


def _load(kept: Path, stats: dict[str, Stat]) -> dict[str, Row]:
    """The features of the files that are as they were; none where `kept` is absent or damaged."""
    if not kept.is_file():
        return {}
    try:
        table = pq.read_table(kept, page_checksum_verification=True)
        matrix = unpacked(table["feature"])
        columns = (table[c].to_pylist() for c in ("path", "bytes", "modified"))
        rows = enumerate(zip(*columns, strict=True))
        return {name: matrix[i] for i, (name, *stat) in rows if stats.get(name) == tuple(stat)}
    except (OSError, ValueError, KeyError) as error:  # pyarrow's own errors are ValueErrors
        runtime.log.warning("%s: not readable (%s); the folder is read anew", kept, error)
        return {}


def _rows(kept: Path) -> int:
    """How many pictures the file knows; 0 where it is absent, -1 where it is damaged."""
    try:
        return pq.read_metadata(kept).num_rows if kept.is_file() else 0
    except (OSError, ValueError):
        return -1


def _try_save(kept: Path, stats: dict[str, Stat], features: dict[str, Row]) -> str:
    """`save`, or why it cannot be done: a folder that was read for an hour is worth more than its file."""
    try:
        save(kept, stats, features)
    except OSError as error:
        runtime.log.warning("%s: not kept: %s", kept, faults.message(error))
        return faults.message(error)
    return ""


def save(kept: Path, stats: dict[str, Stat], features: dict[str, Row]) -> None:
    """Write what is known; a folder of which nothing is known leaves no file."""
    if not features:
        return
    names = [name for name in stats if name in features]
    matrix = np.stack([features[name] for name in names]).astype(np.float32, copy=False)
    table = pa.table(
        {
            "path": names,
            "bytes": pa.array([stats[name][0] for name in names], pa.int64()),
            "modified": pa.array([stats[name][1] for name in names], pa.int64()),
            "feature": packed(matrix),
        }
    )
    with runtime.atomic_file(kept) as work:
        pq.write_table(table, work, compression="none", write_page_checksum=True)
