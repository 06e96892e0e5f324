"""A user's own folder: pictures, and a table of them as index.csv or index.parquet.

Decisions: the table is the index table (path, pid, camid, split; other columns are kept), so an interim folder of this
pipeline is such a folder too. pids are integers, as everywhere else; names of people are refused, with advice how to
number them. pid 0 means a distractor, who matches nobody, and is refused in train and query. Pictures are copied byte
by byte under their own names.
"""

import io
import re
from collections.abc import Hashable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from sanreid.data import images, index, text
from sanreid.data.index import Rows
from sanreid.data.links import shown
from sanreid.faults import cut, line, short

TABLES = ("index.csv", "index.parquet")
WHOLE = re.compile(r"(-?\d{1,18})(\.0*)?")  # also 3.0, which pandas writes for an integer column with gaps
DISTRACTOR = 0
WRITTEN = (*TABLES, "summary.json", "truth")  # files that the stage writes beside the pictures
REMEDY = {
    "pid": "number the people from 1, with pandas for example: table['pid'] = pandas.factorize(table['pid'])[0] + 1",
    "camid": "number the cameras from 1, or leave the whole column empty where they are not known",
}


def read(folder: Path, broken: images.Broken = "error") -> tuple[pd.DataFrame, Iterator[tuple[str, Path]]]:
    """The checked table of `folder`, and a stream of (name, source file): pictures, files named in other columns, and
    true textures if there are any.

    Raises FileNotFoundError for a missing folder, table or picture; ValueError, naming the table's file and line, for a
    missing column, a pid or camid that is no integer, two pictures whose names differ in the suffix only, a picture
    with the name of a file that the stage writes, cameras given for only a part of query and gallery, pid 0 in train or
    query, everything that `index.check` and `index.check_matches` refuse, and, if `broken` is "error", a file whose
    header is not that of a picture (checked before anything is copied).
    """
    folder = Path(folder)
    table, where = _load(folder)
    table = table.assign(
        path=table["path"].map(_posix),
        pid=_integers(table["pid"], where, required=True),
        camid=_integers(table["camid"], where, required=False),
    )
    nobody = (table["pid"] == DISTRACTOR) & table["split"].isin(["train", "query"])
    index.refuse(table, nobody, where, f"has pid 0, which means nobody (a distractor); {REMEDY['pid']}")
    index.check(table, folder, where)
    _check(table, where)
    index.check_matches(table, where.file)
    for row, path in enumerate(table["path"] if broken == "error" else []):
        try:
            images.size(folder / path)
        except ValueError as error:
            raise ValueError(f"{where.name(row)}: {error}, or remove the {where.word}") from None
    return table, _files(folder, table)


def rows(folder: Path) -> Rows:
    """How error messages name rows of the table of `folder`; FileNotFoundError if there is not exactly one table."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; `folders` of params.yaml names it")
    found = [folder / name for name in TABLES if (folder / name).is_file()]
    if len(found) != 1:
        have = "both are" if found else "neither is"
        raise FileNotFoundError(f"{folder}: one of {' and '.join(TABLES)} is wanted, {have} there")
    return Rows(found[0], "line", 2) if found[0].suffix == ".csv" else Rows(found[0])


def _load(folder: Path) -> tuple[pd.DataFrame, Rows]:
    """The table as in the file, with all four columns, and how error messages name its rows."""
    where = rows(folder)
    table = _csv(where.file) if where.file.suffix == ".csv" else index.read_parquet(where.file, "write it again")
    if absent := [c for c in ("path", "pid", "split") if c not in table]:
        raise ValueError(
            f"{where.file}: no column {absent[0]!r}, only {cut(', '.join(map(repr, table.columns)), 200)}; wanted are"
            " path, pid, split and, where cameras are known, camid, with a comma between"
        )
    if not isinstance(table.index, pd.RangeIndex):  # what pandas makes of more fields than columns
        raise ValueError(
            f"{where.file}: rows have more fields than the header has columns; remove commas, or name them"
        )
    return table if "camid" in table else table.assign(camid=None), where


def _csv(file: Path) -> pd.DataFrame:
    types: dict[Hashable, str] = dict.fromkeys(index.COLUMNS, "str")
    written = text.read(file)
    try:
        table = pd.read_csv(io.StringIO(written), dtype=types, skip_blank_lines=False, low_memory=False)
    except ValueError as error:  # pandas' own errors are ValueErrors
        raise ValueError(f"{file}: not a readable table ({line(error)}); mend it") from None
    if twice := [c for c in index.COLUMNS if f"{c}.1" in table]:  # pandas' name of the second
        raise ValueError(f"{file}: column {twice[0]!r} stands there twice; keep one")
    filled = table.notna().any(axis=1).to_numpy().nonzero()[0]
    return table.iloc[: filled.max(initial=-1) + 1]  # blank lines at the end are no rows


def _posix(path: Any) -> Any:
    """`./a//b.jpg` as `a/b.jpg`, so that a picture has only one name; `index.check` refuses what is no string."""
    return str(PurePosixPath(path)) if isinstance(path, str) and path else path


def _integers(column: pd.Series, where: Rows, required: bool) -> pd.Series:
    """The column as int64 (or Int64 with gaps); ValueError names the first line that holds something else."""
    values: list[int | None] = []
    for row, value in enumerate(column):
        match = None if pd.isna(value) else WHOLE.fullmatch(str(value).strip())
        if match is None and (required or pd.notna(value)):
            given = "empty" if pd.isna(value) else f"{short(value)}, no integer"
            raise ValueError(f"{where.name(row)}: {column.name} is {given}; {REMEDY[str(column.name)]}")
        values.append(int(match[1]) if match else None)
    return pd.Series(values, index=column.index, dtype="int64" if required else "Int64")


def _check(table: pd.DataFrame, where: Rows) -> None:
    """Checks of a user's re-ID set beyond those of `index.check`."""
    ranked = table["split"].isin(["query", "gallery"])
    partly = ranked & table["camid"].isna()
    if not partly[ranked].all():
        index.refuse(table, partly, where, "has no camid, while other query and gallery images have one")
    first = table["path"].map(lambda path: PurePosixPath(path).parts[0].lower())
    index.refuse(table, first.isin(WRITTEN), where, f"has the name of what the stage writes ({', '.join(WRITTEN)})")
    for column in (c for c in index.FILE_COLUMNS if c in table):
        taken = table[column].map(lambda name: pd.notna(name) and PurePosixPath(name).parts[0].lower() in WRITTEN[:3])
        index.refuse(table, taken.astype(bool), where, f"has in {column} the name of what the stage writes")
    stems = table["path"].map(lambda path: str(PurePosixPath(path).with_suffix("")))
    index.refuse(table, stems.duplicated(), where, "differs from another picture in its suffix alone; rename one")


def _files(folder: Path, table: pd.DataFrame) -> Iterator[tuple[str, Path]]:
    columns = ["path", *(c for c in index.FILE_COLUMNS if c in table)]
    for name in dict.fromkeys(name for column in columns for name in table[column].dropna()):
        yield name, folder / name
    for source in sorted(path for path in (folder / "truth").rglob("*.png") if shown(path, folder)):
        yield source.relative_to(folder).as_posix(), source
