"""The pictures of a raw set on their way into an interim folder: each looked at once, in the same way for every reader.

Decisions: a broken picture is an error, named by the file and line that lists it, unless the stage is told to leave it
out. Then the table loses every row that needs it (a person's broken texture takes all its images along), what is left
must be a set by itself, and how many went is logged, and written by the stage into summary.json.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from sanreid import runtime
from sanreid.data import images, index
from sanreid.data.index import Rows

SHOWN = 5  # pictures that are left out, by name


def take(
    table: pd.DataFrame,
    files: Iterable[tuple[str, Path]],
    work: Path,
    roots: Sequence[Path],
    broken: images.Broken,
    where: Rows | None = None,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Copy `files` (name, source) into the folder `work`, and return what is left of `table`, and for summary.json
    {"left_out": pictures} where `broken` is "leave_out", else nothing.

    Errors as `images.copy_all`, with the row of `where` that names the file; ValueError where what is left is no set.
    """
    index.check_matches(table, where.file if where else roots[0])
    columns = ["path", *(c for c in index.FILE_COLUMNS if c in table)]
    try:
        lost = images.copy_all(work, files, broken, roots)
    except images.RefusedError as error:
        naming = table[columns].isin([error.name]).any(axis=1).to_numpy()
        row = f"{where.name(int(naming.argmax()))}: " if where and naming.any() else ""
        remedy = f", or remove the {where.word}" if row and where else ""
        raise ValueError(f"{row}{error}{remedy}") from None
    if broken == "error":
        return table, {}
    if lost:
        some = "; ".join(f"{name}: {why}" for name, why in list(lost.items())[:SHOWN])
        some += "; ..." * (len(lost) > SHOWN)
        gone = table[columns].isin(list(lost)).any(axis=1)
        runtime.log.warning("%d broken pictures left out, %d rows with them: %s", len(lost), gone.sum(), some)
        named = [set(rows[columns].to_numpy().ravel()) for rows in (table[gone], table[~gone])]
        for name in named[0] - named[1] - set(lost):
            if pd.notna(name):
                (work / name).unlink()
        table = table[~gone].reset_index(drop=True)
        try:
            index.check(table, work)
            index.check_matches(table, work)
        except ValueError as error:
            raise ValueError(f"without the {len(lost)} broken pictures ({some}): {error}") from None
    return table, {"left_out": len(lost)}
