"""The features of pictures, on disk: made once by a network, searched often.

Decisions: features.parquet has a row a picture (path, feature, and pid and camid where known), so any tool reads it;
.npz holds the same arrays for who has numpy alone. Both note which weights made them, because features of two networks
do not compare, and the folder that the paths are relative to. Where that folder has moved, the file's own is tried.
What a file is, its first bytes tell; both kinds hold checksums, so that a damaged feature is no wrong answer.
"""

import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sanreid import faults, runtime
from sanreid.data import images
from sanreid.search import listing, reading

if TYPE_CHECKING:
    from sanreid.api import Model

NOTE = b"sanreid"  # the key of the note in a table's metadata
SUFFIXES = (".parquet", ".npz")
PARQUET, ZIP = b"PAR1", b"PK"  # what such files begin with
UNIT = 1e-3  # how far a feature's length may be from 1
BATCH = 64  # pictures at once: speed, memory and how often progress is told


@dataclass(frozen=True)
class Index:
    """Features (N, D) float32 of unit length of the pictures `paths`, relative to `folder`; ids (N,) where known.

    `model` is the name of the network that made them and `weights` what tells its weights from others. `broken` says by
    name why a picture was left out; it is not written to files.
    """

    folder: Path
    paths: list[str]
    features: NDArray[np.float32]
    model: str
    weights: str
    pids: NDArray[np.int64] | None = None
    camids: NDArray[np.int64] | None = None
    broken: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.paths)

    def place(self, row: int) -> Path:
        """Where the picture of a row lies."""
        return self.folder / self.paths[row]

    def ids(self, row: int) -> dict[str, int]:
        """`pid` and `camid` of a row, where they are known."""
        return {k: int(v[row]) for k, v in (("pid", self.pids), ("camid", self.camids)) if v is not None}

    def check(self, model: "Model", place: object = "the gallery") -> None:
        """Raise ValueError, which calls the features' file `place`, where another network made them."""
        if self.weights != model.digest():
            raise ValueError(
                f"{place}: its features are of {self.model} ({self.weights}), the query's would be of {model.name} "
                f"({model.digest()}): name the same --model, or embed the gallery again"
            )
        if self.features.shape[1] != model.dimension:
            raise ValueError(
                f"{place}: its features have {self.features.shape[1]} numbers, those of {model.name} have "
                f"{model.dimension}; `sanreid embed` writes it again"
            )

    def outdated(self, rows: Iterable[int], since: int) -> list[str]:
        """Of those rows the pictures that are gone, or were written after the time `since` (nanoseconds), by name.

        A picture that an older file took the place of is not noticed.
        """
        return [self.paths[row] for row in sorted(set(rows)) if _newer(self.place(row), since)]


def build(
    model: "Model", folder: Path, batch: int | None = None, progress: Callable[[int], object] | None = None
) -> Index:
    """The features of all pictures of `folder` (`listing.pictures`); errors as there and in `Model.embed`."""
    return of_table(model, Path(folder), listing.pictures(folder), batch, progress)


def of_pictures(
    model: "Model",
    paths: Sequence[Path],
    batch: int | None = None,
    progress: Callable[[int], object] | None = None,
    broken: images.Broken = "error",
) -> Index:
    """The features of single pictures, whose paths are kept as given; `broken` as in `of_table`."""
    table = pd.DataFrame({"path": pd.Series([Path(path).as_posix() for path in paths], dtype=object)})
    return of_table(model, Path.cwd(), table, batch, progress, broken)


def of_table(
    model: "Model",
    folder: Path,
    table: pd.DataFrame,
    batch: int | None = None,
    progress: Callable[[int], object] | None = None,
    broken: images.Broken = "error",
) -> Index:
    """The features of the pictures `table` (path, and pid and camid where known) in `folder`, in its order.

    Raises as `Model.embed` at the first broken picture where `broken` is "error"; else ValueError where all are.
    """
    names, batch = list(table["path"]), batch or BATCH
    places = [folder / name for name in names]
    lost: dict[str, str] = {}
    if broken == "error":
        features = model.embed(places, batch, progress)
    else:
        embed, rows = partial(model.embed, batch=batch), list[reading.Row]()
        for first in range(0, len(names), batch):
            part = slice(first, first + batch)
            for name, found in zip(names[part], reading.each(embed, places[part]), strict=True):
                if isinstance(found, str):
                    lost[name] = found
                else:
                    rows.append(found)
            if progress is not None:
                progress(len(names[part]))
        if not rows:
            raise reading.none_left(folder, lost)
        features = np.stack(rows)
        table = table[[name not in lost for name in names]]
    ids = (table[c].to_numpy(np.int64) if c in table and table[c].notna().all() else None for c in ("pid", "camid"))
    return Index(folder.resolve(), list(table["path"]), features, model.name, model.digest(), *ids, broken=lost)


def check_names(paths: Sequence[object], suffix: str) -> None:
    """ValueError naming the first path that a file of that suffix cannot hold: parquet's text is UTF-8."""
    for path in map(str, paths) if suffix != ".npz" else ():
        if not is_text(path):
            raise ValueError(f"{path}: its name is no UTF-8, which {suffix} wants; rename it, or write .npz")


def is_text(name: str) -> bool:
    """Whether a file's name is UTF-8: what Python could not decode of it, it holds as surrogates."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def write(index: Index, file: Path | BinaryIO, suffix: str | None = None) -> None:
    """Write `index` to `file`, .parquet or .npz by its suffix (or `suffix`, for a stream), whole or not at all.

    Raises ValueError for another suffix, OSError where it cannot be written.
    """
    if isinstance(file, Path):
        content = encode(index, suffix or file.suffix, file)
        with runtime.atomic_file(file) as work:
            work.write_bytes(content)
    else:
        file.write(encode(index, suffix or SUFFIXES[0], "the stream"))


def encode(index: Index, suffix: str, name: object) -> bytes:
    """The content of a file of that suffix; ValueError, calling it `name`, where the suffix is unknown."""
    note = json.dumps({"folder": str(index.folder), "model": index.model, "weights": index.weights})
    ids: dict[str, Any] = {k: v for k, v in (("pid", index.pids), ("camid", index.camids)) if v is not None}
    stream = io.BytesIO()
    if suffix == ".npz":
        np.savez(stream, path=np.array(index.paths, np.str_), feature=index.features, note=np.array(note), **ids)
    elif suffix == ".parquet":
        check_names(index.paths, suffix)
        columns = {"path": pa.array(index.paths, pa.string()), "feature": packed(index.features)}
        table = pa.table(columns | {k: pa.array(v) for k, v in ids.items()})
        pq.write_table(table.replace_schema_metadata({NOTE: note.encode()}), stream, write_page_checksum=True)
    else:
        raise ValueError(f"{name}: features are written as {' or '.join(SUFFIXES)}; choose one of these endings")
    return stream.getvalue()


def read(file: Path) -> Index:
    """The features that `write` wrote.

    Raises FileNotFoundError where there is no file, ValueError naming it where it is damaged or holds something else.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f"{file}: not found; `sanreid embed FOLDER -o {file.name}` makes it")
    with file.open("rb") as opened:
        start = opened.read(4)
    if file.suffix not in SUFFIXES and not start.startswith((PARQUET, ZIP)):
        raise ValueError(f"{file}: no features; name a folder of pictures, or what `sanreid embed` wrote")
    with faults.about(file, "`sanreid embed` writes it again"):
        if not start.startswith((PARQUET, ZIP)):
            raise ValueError("neither parquet nor npz")
        columns, note = _npz(file) if start.startswith(ZIP) else _parquet(file)
        features = np.array(columns["feature"], np.float32, order="C")  # a copy: parquet's own cannot be written to
        count = len(columns["path"])
        if features.ndim != 2 or len(features) != count or not features.size:
            raise ValueError(f"features of shape {features.shape} for {count} pictures")
        if not np.isfinite(features).all():
            raise ValueError("a feature is nan or infinite")
        lengths = np.linalg.norm(features, axis=1)
        if (abs(lengths - 1) > UNIT)[lengths > 0].any():  # what a network sees nothing in has length 0
            raise ValueError("its features are not of unit length")
        if any(not isinstance(path, str) or not path for path in columns["path"].tolist()):
            raise ValueError("a row without a path")
        pids, camids = columns.get("pid"), columns.get("camid")
        if any(v is not None and (v.shape != (count,) or v.dtype.kind not in "iu") for v in (pids, camids)):
            raise ValueError(f"pid or camid are not {count} whole numbers")
        told = json.loads(note)
        if not isinstance(told, dict) or any(not isinstance(told.get(k), str) for k in ("folder", "model", "weights")):
            raise ValueError("it does not say which network made it")
        folder, paths = Path(told["folder"]), [str(path) for path in columns["path"]]
        if not (folder / paths[0]).exists() and (file.parent / paths[0]).exists():
            folder = file.parent.resolve()
        return Index(folder, paths, features, told["model"], told["weights"], pids, camids)


def _newer(path: Path, since: int) -> bool:
    try:
        return path.stat().st_mtime_ns > since
    except OSError:
        return True


def packed(features: NDArray[np.float32]) -> pa.FixedSizeListArray:
    """Features (N, D) as a column of a table."""
    return pa.FixedSizeListArray.from_arrays(pa.array(features.reshape(-1), pa.float32()), features.shape[1])


def unpacked(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """The features (N, D) of such a column; ValueError or another error of pyarrow for another column."""
    if not len(column):
        return np.empty((0, 0), np.float32)
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(column), -1)


def _npz(file: Path) -> tuple[dict[str, NDArray], str]:
    with np.load(file, allow_pickle=False) as opened:
        columns = {name: opened[name] for name in opened.files}
    if not {"path", "feature", "note"} <= columns.keys():
        raise ValueError(f"holds {', '.join(columns)}, not what `sanreid embed` writes")
    return columns, str(columns.pop("note"))


def _parquet(file: Path) -> tuple[dict[str, NDArray], str]:
    table = pq.read_table(file, page_checksum_verification=True)
    note = (table.schema.metadata or {}).get(NOTE)
    if note is None or not {"path", "feature"} <= set(table.column_names):
        raise ValueError("no table of features that `sanreid embed` wrote")
    columns = {"path": table["path"].to_numpy(), "feature": unpacked(table["feature"])}
    return columns | {c: table[c].to_numpy() for c in ("pid", "camid") if c in table.column_names}, note.decode()
