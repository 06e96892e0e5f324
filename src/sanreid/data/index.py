"""The index table: every reader of a data set writes one, and all later stages read only that.

One row per image, in the publisher's order: `path` (POSIX, relative to the table's folder), `pid` (the publisher's, not
relabelled), `camid` (1-based; null if a set has no cameras), `split`, and further columns of some sets. Decision: the
table is checked when it is written and again when it is read, so that a set that was edited by hand is refused by the
next stage, and not after a night of training.
"""

from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pandas as pd
import pyarrow.parquet as pq

from sanreid import runtime
from sanreid.faults import cut, line, short

NAME = "index.parquet"
COLUMNS = ("path", "pid", "camid", "split")
SPLITS = ("train", "validation", "query", "gallery", "test")
WHOLE_GALLERY = "whole_gallery"  # Zheng et al., ICCV 2015; what a table without a column `protocol` means
SINGLE_GALLERY_SHOT = "single_gallery_shot"  # CUHK03's classic protocol, Li et al., CVPR 2014
PROTOCOLS = (WHOLE_GALLERY, SINGLE_GALLERY_SHOT)  # of the optional column `protocol`, the same in every row
MOST_ROWS = 20_000_000  # of a table that is read: a small file can declare any number
MOST_BYTES = 4 << 30  # of its columns' values
FILE_COLUMNS = ("texture", "frontal", "visibility")  # extras that name files, null where an image has none


class Rows(NamedTuple):
    """How error messages name a row: the file, the word for a row ("row", "line"), and the number of the first."""

    file: Path
    word: str = "row"
    first: int = 0

    def name(self, row: int) -> str:
        """The name of row number `row` (counted from 0), as one finds it in the file."""
        return f"{self.file}: {self.word} {row + self.first}"


def build(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A table of `rows` (dicts with path, pid, camid, split and extras) with the columns' proper types."""
    table = pd.DataFrame(rows, columns=None if rows else list(COLUMNS))
    return table.astype({"path": "str", "pid": "int64", "camid": "Int64", "split": "str"})


def write(table: pd.DataFrame, folder: Path) -> None:
    """Check `table` against `folder` (see `check`) and write it there as index.parquet."""
    check(table, folder)
    with runtime.atomic_file(Path(folder) / NAME) as work:
        try:
            table.to_parquet(work, index=False, write_page_checksum=True)
        except (ValueError, TypeError, OverflowError) as error:  # of an extra column: mixed kinds, numbers too large
            raise ValueError(f"{folder}: a column cannot be kept ({line(error)}); make it text, or drop it") from None


def read(folder: Path) -> pd.DataFrame:
    """Read and check the table of `folder`.

    Raises FileNotFoundError where there is none, ValueError where it is no table or `check` refuses it.
    """
    path = Path(folder) / NAME
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not found; run the reader that writes {folder}")
    table = read_parquet(path, "delete it and run the reader again")
    check(table, folder)
    return table


def of_split(table: pd.DataFrame, split: str, folder: Path) -> pd.DataFrame:
    """The rows of `split`, for training; ValueError naming the table of `folder` if there are none."""
    rows = table[table["split"] == split]
    if rows.empty:
        raise ValueError(f"{folder / NAME}: no rows of split '{split}': there is nobody to train on")
    return rows


def read_parquet(path: Path, remedy: str) -> pd.DataFrame:
    """The table of a parquet file; ValueError, with the `remedy`, if it is damaged or declares an absurd size."""
    try:
        head = pq.read_metadata(path)
        declared = sum(head.row_group(i).total_byte_size for i in range(head.num_row_groups))
        if head.num_rows > MOST_ROWS or declared > MOST_BYTES:
            raise ValueError(f"declares {head.num_rows} rows of {declared} bytes")
        return pd.read_parquet(path, page_checksum_verification=True).reset_index(drop=True)
    except Exception as error:  # pandas and pyarrow answer a damaged file with a dozen types
        raise ValueError(f"{path}: not a readable table ({line(error)}); {remedy}") from None


def check(table: pd.DataFrame, folder: Path, where: Rows | None = None) -> None:
    """Refuse a table that would give wrong results later.

    Raises ValueError naming the row and its path for: missing columns, wrong types, paths that are absolute, contain
    `..` or backslashes, duplicates, unknown splits, pid < 0, camid < 1, training people in another split, a query whose
    person is not in the gallery, an unknown `protocol`. Raises FileNotFoundError naming the first missing file. A query
    whose person the gallery has under the query's own camera only is allowed: by the standard protocol it is not
    counted. `where` names the rows if the table comes from another file than the folder's own.
    """
    folder = Path(folder)
    where = where or Rows(folder / NAME)
    if absent := [c for c in COLUMNS if c not in table]:
        raise ValueError(f"{where.file}: column {absent[0]!r} is missing; a table has {', '.join(COLUMNS)}")
    if table.empty:
        raise ValueError(f"{where.file}: no rows; does the raw folder hold any images?")
    _check_types(table, where)
    refuse(table, table["path"].duplicated(), where, "is listed twice")
    refuse(table, ~table["split"].isin(SPLITS), where, f"has an unknown split; known are {', '.join(SPLITS)}")
    refuse(table, table["pid"] < 0, where, "has a negative pid; junk images have no place in the table")
    refuse(table, table["camid"].lt(1).fillna(False), where, "has a camid below 1; cameras count from 1")
    _check_people(table, where)
    if "protocol" in table:
        given = table["protocol"].map(lambda value: value if isinstance(value, str) else "")
        wrong = ~given.isin(PROTOCOLS) | (given != given.iloc[0])
        refuse(table, wrong, where, f"has another or an unknown protocol; one of {', '.join(PROTOCOLS)} in every row")
    for column in ("path", *(c for c in FILE_COLUMNS if c in table)):
        _check_files(table, column, folder, where)


def check_matches(table: pd.DataFrame, where: Path) -> None:
    """ValueError naming the table or folder `where`, if no query's person is in the gallery under another camera.

    Nothing could be found then. (`check` refuses people who are not in the gallery at all.)
    """
    queries, gallery = (table[table["split"] == split] for split in ("query", "gallery"))
    if queries.empty or queries["camid"].isna().any() or gallery["camid"].isna().any():
        return
    pairs = queries[["pid", "camid"]].drop_duplicates().merge(gallery[["pid", "camid"]].drop_duplicates(), on="pid")
    if len(pairs) and (pairs["camid_x"] == pairs["camid_y"]).all():
        raise ValueError(
            f"{where}: no query's person is in the gallery under another camera, so that nothing would count as "
            "found; name the cameras by camid, or leave camid empty in every row, where they are not known"
        )


def summary(table: pd.DataFrame, distractor: int | None = None) -> dict[str, Any]:
    """Number of people, images and cameras, and people and images by split; pid `distractor` is no person."""
    known = table if distractor is None else table[table["pid"] != distractor]
    counts = {
        split: {
            "people": int(known.loc[known["split"] == split, "pid"].nunique()),
            "images": int((table["split"] == split).sum()),
        }
        for split in SPLITS
        if (table["split"] == split).any()
    }
    result = {
        "people": int(known["pid"].nunique()),
        "images": len(table),
        "cameras": int(table["camid"].nunique()),
        "splits": counts,
    }
    if distractor is not None:
        result["distractors"] = len(table) - len(known)
    return result


def _check_types(table: pd.DataFrame, where: Rows) -> None:
    for column in ("path", "split"):
        wrong = ~table[column].map(lambda value: isinstance(value, str)).astype(bool)
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise ValueError(f"{where.name(row)}: {column} is {short(table[column].iloc[row])}, not a string")
    if str(table["pid"].dtype) != "int64":
        raise ValueError(f"{where.file}: pid is {table['pid'].dtype}, not int64")
    if str(table["camid"].dtype) != "Int64":
        raise ValueError(f"{where.file}: camid is {table['camid'].dtype}, not Int64 (nullable)")


def _check_people(table: pd.DataFrame, where: Rows) -> None:
    """Refuse training people in query or gallery, which would make results meaningless; split `test` is of digits."""
    trained = table["pid"].isin(table.loc[table["split"] == "train", "pid"].unique())
    refuse(
        table,
        trained & table["split"].isin(["validation", "query", "gallery"]),
        where,
        "shows a person who is also in train",
    )
    gallery = table.loc[table["split"] == "gallery", "pid"].unique()
    lonely = (table["split"] == "query") & ~table["pid"].isin(gallery)
    refuse(table, lonely, where, "is a query whose person is not in the gallery")


def _check_files(table: pd.DataFrame, column: str, folder: Path, where: Rows) -> None:
    known = set()  # many images share a texture: check each file once
    for row, name in enumerate(table[column]):
        if name is None or name is pd.NA or (isinstance(name, float) and pd.isna(name)):
            continue
        if not isinstance(name, str):
            raise ValueError(f"{where.name(row)}: {column} is {short(name)}, not a path")
        if name in known:
            continue
        if "\\" in name or name.startswith("/") or ":" in name[:2] or ".." in PurePosixPath(name).parts or not name:
            raise ValueError(f"{where.name(row)}: {column} {short(name)} is not a POSIX path inside {folder}")
        if not _is_file(folder / name):
            missing = f"{column} {cut(name)} does not exist in {folder}; put it there, or run the reader again"
            raise FileNotFoundError(f"{where.name(row)}: {missing}")
        known.add(name)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than any file's
        return False


def refuse(table: pd.DataFrame, wrong: pd.Series, where: Rows, reason: str) -> None:
    """ValueError naming the first row marked in `wrong`, its picture and the `reason`; returns if none is marked."""
    if wrong.any():
        row = int(wrong.to_numpy(dtype=bool).argmax())
        count = int(wrong.sum())
        more = f" ({count} rows in all)" if count > 1 else ""
        entry = table.iloc[row]
        raise ValueError(
            f"{where.name(row)}: {cut(str(entry['path']))} (pid {entry['pid']}, split {cut(str(entry['split']))})"
            f" {reason}{more}"
        )
