"""Copies the pictures of a raw data set into an interim folder, and checks each of them once.

Decisions: a broken picture is an error that names the file and the line listing it, unless `broken_pictures: leave_out`
is set. Then every row that needs the picture is dropped (for a broken texture, the rows of all its images), the rest
must still be a valid set, and the number of dropped pictures is logged and written into summary.json.
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
    """Copy `files` (name, source file) into the folder `work`, and return the remaining rows of `table`.

    Returns {"left_out": number of pictures} as well if `broken` is "leave_out", else {}.
    Errors as `images.copy_all`, with the row that names the file (`where`); ValueError if the rest is no valid set.
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
