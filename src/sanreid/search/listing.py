"""The pictures of a folder that is searched in, with who and which camera where that is known.

Decisions: any folder of pictures will do. An index.csv or index.parquet is taken at its word (and checked); without
one, names as Market-1501 or PKU-Reid give them tell person and camera, where all pictures have such names. Nothing is
invented where nothing is known: the columns are then left out. The command and the search page list by the same code.
"""

from pathlib import Path

import pandas as pd

from sanreid.data import folder as own
from sanreid.data import images, index, photographs


def pictures(folder: Path) -> pd.DataFrame:
    """`path` (POSIX, relative to `folder`) of its pictures at any depth, sorted; `pid` and `camid` where known.

    Raises FileNotFoundError where there is no such folder or no picture in it, ValueError as the readers of tables.
    """
    table = _told(Path(folder), "error")
    return table[[column for column in ("path", "pid", "camid") if column in table]]


def held_out(folder: Path) -> pd.DataFrame:
    """`path`, `pid` and `camid` of the labelled pictures whose people may calibrate: all but those of split `train`.

    Raises ValueError where nobody is named (before anything is embedded) or all are of split `train`, and as
    `pictures`.
    """
    folder = Path(folder)
    table = _told(folder, "error")
    if "pid" not in table:
        raise ValueError(f"{folder}: who is who is not told; add an index.csv with path, pid, camid and split")
    kept = table.loc[table["split"] != "train", ["path", "pid", "camid"]].reset_index(drop=True)
    if kept.empty:
        raise ValueError(f"{folder}: all pictures are of split 'train'; people who were held out are wanted")
    return kept


def searched(folder: Path) -> pd.DataFrame:
    """`path`, `pid`, `camid` (Int64, null where not known) and `asks` of the pictures that the search page ranks.

    Of a set with query and gallery those two are searched: its training people are known to the network by heart, and
    would make it look better than it is. `asks` marks the queries of the set's own protocol; where it has none, every
    picture whose person is known. What its table names and is broken is left to who reads it. A link to a folder
    elsewhere is not followed: the page opens no folder that was not named. Raises as `pictures`.
    """
    table = _told(Path(folder), "leave_out", follow=False)
    if {"query", "gallery"} <= set(table["split"]):
        table = table[table["split"].isin(["query", "gallery"])]
        asks = table["split"] == "query"
    else:
        asks = table["pid"].notna() if "pid" in table else pd.Series(False, table.index)
    kept = table.reindex(columns=["path", "pid", "camid"]).astype({"pid": "Int64", "camid": "Int64"})
    return kept.assign(asks=asks.astype(bool)).reset_index(drop=True)


def _told(folder: Path, broken: images.Broken, follow: bool = True) -> pd.DataFrame:
    """`path`, `split` ("" without a table) and, where a table or all names tell them, `pid` and `camid`."""
    if (folder / index.NAME).is_file():
        return index.read(folder)
    if any((folder / name).is_file() for name in own.TABLES):
        return own.read(folder, broken)[0]
    return photographs.named(folder, follow).assign(split="")
