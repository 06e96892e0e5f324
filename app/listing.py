"""The pictures of a folder, with what its table or their names say of them.

Decisions: the same tables as everywhere (`data.index`, `data.folder`), checked by the same code; a bare folder does
too, at any depth. Of a set with query and gallery those two are searched: its training people are known to the network
by heart, and would make it look better than it is.
"""

from pathlib import Path

import pandas as pd

from sanreid.data import folder as own
from sanreid.data import index, market1501, photographs
from sanreid.data.links import shown


def listed(folder: Path) -> pd.DataFrame:
    """`path` (relative to `folder`), `pid`, `camid` (Int64, null where not known) and `asks` of its pictures.

    `asks` marks the queries of the set's own protocol; where it has none, every picture whose person is known. Raises
    FileNotFoundError where there is no picture, ValueError where the table is refused.
    """
    if (folder / index.NAME).is_file():
        table = index.read(folder)
    elif any((folder / name).is_file() for name in own.TABLES):
        table, _ = own.read(folder, broken="leave_out")
    else:
        table = _named(folder)
    splits = set(table["split"])
    if {"query", "gallery"} <= splits:
        table = table[table["split"].isin(["query", "gallery"])]
        asks = table["split"] == "query"
    else:
        asks = table["pid"].notna()
    kept = table[["path", "pid", "camid"]].astype({"pid": "Int64", "camid": "Int64"})
    return kept.assign(asks=asks.astype(bool)).reset_index(drop=True)


def _named(folder: Path) -> pd.DataFrame:
    """Pictures at any depth; pid and camid where all names tell them, as Market-1501's and PKU-Reid's do."""
    found = (p for p in folder.rglob("*") if p.suffix.lower() in photographs.SUFFIXES and shown(p, folder))
    paths = sorted(p.relative_to(folder).as_posix() for p in found if p.is_file())
    if not paths:
        kinds = ", ".join(sorted(photographs.SUFFIXES))
        raise FileNotFoundError(f"{folder.name}: no pictures in it ({kinds}); choose another folder, or put some there")
    known = [
        m for p in paths if (m := market1501.FILE.fullmatch(Path(p).name) or photographs.PKU.fullmatch(Path(p).stem))
    ]
    whole = len(known) == len(paths)
    ids = {k: pd.array([int(m[k]) for m in known] if whole else [None] * len(paths), "Int64") for k in ("pid", "camid")}
    return pd.DataFrame({"path": paths, "split": "", **ids})
