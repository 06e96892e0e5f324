"""The features of pictures, on disk: made once by a network, searched often.

Decisions: features.parquet has a row a picture (path, feature, and pid and camid where known), so any tool reads it;
.npz holds the same arrays for who has numpy alone. Both note which weights made them, because features of two networks
do not compare, and the folder that the paths are relative to. Where that folder has moved, the file's own is tried.
"""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sanreid import faults, runtime
from sanreid.search import listing

if TYPE_CHECKING:
    from sanreid.api import Model

NOTE = b"sanreid"  # the key of the note in a table's metadata
SUFFIXES = (".parquet", ".npz")


@dataclass(frozen=True)
class Index:
    """Features (N, D) float32 of unit length of the pictures `paths`, relative to `folder`; ids (N,) where known.

    `model` is the name of the network that made them and `weights` what tells its weights from others.
    """

    folder: Path
    paths: list[str]
    features: NDArray[np.float32]
    model: str
    weights: str
    pids: NDArray[np.int64] | None = None
    camids: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def place(self, row: int) -> Path:
        """Where the picture of a row lies."""
        return self.folder / self.paths[row]

    def check(self, model: "Model") -> None:
        """Raise ValueError where another network made the features."""
        if self.weights != model.digest():
            raise ValueError(
                f"the gallery's features are of {self.model} ({self.weights}), the query's would be of {model.name} "
                f"({model.digest()}): name the same --model, or embed the gallery again"
            )


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
) -> Index:
    """The features of single pictures, whose paths are kept as given."""
    table = pd.DataFrame({"path": [Path(path).as_posix() for path in paths]})
    return of_table(model, Path.cwd(), table, batch, progress)


def of_table(
    model: "Model",
    folder: Path,
    table: pd.DataFrame,
    batch: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Index:
    """The features of the pictures `table` (path, and pid and camid where known) in `folder`, in its order."""
    places = [folder / path for path in table["path"]]
    options = {} if batch is None else {"batch": batch}
    features = model.embed(places, progress=progress, **options)
    ids = (table[c].to_numpy(np.int64) if c in table and table[c].notna().all() else None for c in ("pid", "camid"))
    return Index(folder.resolve(), list(table["path"]), features, model.name, model.digest(), *ids)


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
        flat = pa.array(index.features.reshape(-1), pa.float32())
        feature = pa.FixedSizeListArray.from_arrays(flat, index.features.shape[1])
        columns = {"path": pa.array(index.paths, pa.string()), "feature": feature}
        table = pa.table(columns | {k: pa.array(v) for k, v in ids.items()})
        pq.write_table(table.replace_schema_metadata({NOTE: note.encode()}), stream)
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
    remedy = "`sanreid embed` writes it again"
    with faults.about(file, remedy):
        columns, note = _npz(file) if file.suffix == ".npz" else _parquet(file)
        features = np.array(columns["feature"], np.float32, order="C")  # a copy: parquet's own cannot be written to
        if features.ndim != 2 or len(features) != len(columns["path"]):
            raise ValueError(f"features of shape {features.shape} for {len(columns['path'])} pictures")
        if not np.isfinite(features).all():
            raise ValueError("a feature is nan or infinite")
        told = json.loads(note)
        folder = Path(told["folder"])
        paths = [str(path) for path in columns["path"]]
        if paths and not (folder / paths[0]).exists() and (file.parent / paths[0]).exists():
            folder = file.parent.resolve()
        ids = (columns.get("pid"), columns.get("camid"))
        return Index(folder, paths, features, told["model"], told["weights"], *ids)


def _npz(file: Path) -> tuple[dict[str, NDArray], str]:
    with np.load(file, allow_pickle=False) as opened:
        columns = {name: opened[name] for name in opened.files}
    if not {"path", "feature", "note"} <= columns.keys():
        raise ValueError(f"holds {', '.join(columns)}, not what `sanreid embed` writes")
    return columns, str(columns.pop("note"))


def _parquet(file: Path) -> tuple[dict[str, NDArray], str]:
    table = pq.read_table(file)
    note = (table.schema.metadata or {}).get(NOTE)
    if note is None or not {"path", "feature"} <= set(table.column_names):
        raise ValueError("no table of features that `sanreid embed` wrote")
    kind = table.schema.field("feature").type
    flat = table["feature"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    columns = {"path": table["path"].to_numpy(), "feature": flat.reshape(table.num_rows, kind.list_size)}
    return columns | {c: table[c].to_numpy() for c in ("pid", "camid") if c in table.column_names}, note.decode()
