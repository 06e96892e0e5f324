"""The pictures of a folder that is searched in, with who and which camera where that is known.

Decisions: any folder of pictures will do. An index.csv or index.parquet is taken at its word (and checked); without
one, names as Market-1501 or PKU-Reid give them tell person and camera, where all pictures have such names. Nothing is
invented where nothing is known: the columns are then left out.
"""

from pathlib import Path

import pandas as pd

from sanreid.data import folder as own
from sanreid.data import index, market1501, photographs
from sanreid.data.links import shown

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}


def pictures(folder: Path) -> pd.DataFrame:
    """`path` (POSIX, relative to `folder`) of its pictures at any depth, sorted; `pid` and `camid` where known.

    Raises FileNotFoundError where there is no such folder or no picture in it, ValueError as the readers of tables.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; name a folder of pictures")
    if any((folder / name).is_file() for name in (index.NAME, *own.TABLES)):
        table = photographs.everything(folder)
        return table[["path", "pid", "camid"]]
    found = (p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and shown(p, folder) and p.is_file())
    paths = sorted(p.relative_to(folder).as_posix() for p in found)
    if not paths:
        raise FileNotFoundError(f"{folder}: no pictures in it ({', '.join(sorted(SUFFIXES))})")
    names = [market1501.FILE.fullmatch(Path(p).name) or photographs.PKU.fullmatch(Path(p).stem) for p in paths]
    table = pd.DataFrame({"path": paths})
    if all(names):
        table["pid"] = [int(m["pid"]) for m in names if m]
        table["camid"] = pd.array([int(m["camid"]) for m in names if m], "Int64")
    return table
