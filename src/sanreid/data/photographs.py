"""The table of a folder of photographs to measure on; the folder is read in place.

Decisions: three layouts are recognised: a user's own (index.csv or index.parquet, see folder.py), Market-1501's three
folders, and PKU-Reid's pictures, named <person>_<camera>_<orientation>. PKU-Reid defines no queries: here the first
orientation of each person and camera is the query, the others are the gallery. Split `train` is left out. Nothing is
copied, in particular not into DVC's cache, because a shared cache would distribute pictures of real people.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from sanreid.data import folder as own
from sanreid.data import images, index, market1501
from sanreid.data.links import Inside

PKU = re.compile(r"(?P<pid>[0-9]{1,9})_(?P<camid>[1-9][0-9]{0,4})_(?P<orientation>[0-9]{1,4})")
SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}


def read(folder: Path) -> pd.DataFrame:
    """The query and gallery rows of `folder`, in its table's order; `path` is relative to the folder.

    Raises FileNotFoundError where there is no such folder or no layout is known; ValueError for what the layout's own
    reader refuses, for a table without query or gallery, and for one that asks for another protocol.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; name one with index.csv and the pictures (data/README.md)")
    if any((folder / name).is_file() for name in own.TABLES):
        table, _ = own.read(folder)
    elif any((place / market1501.FOLDERS["train"]).is_dir() for place in (folder, folder / market1501.RELEASE)):
        rows = [p._asdict() | {"path": p.source.relative_to(folder).as_posix()} for p in market1501.scan(folder)]
        table = index.build([{c: row[c] for c in index.COLUMNS} for row in rows])
    else:
        table = _pku(folder)
        index.check_matches(table, folder)
    for split in ("query", "gallery"):
        if not (table["split"] == split).any():
            raise ValueError(f"{folder}: no picture of split '{split}': there is nothing to rank")
    if "protocol" in table and table["protocol"].iloc[0] != index.WHOLE_GALLERY:
        raise ValueError(f"{folder}: protocol {table['protocol'].iloc[0]}: photographs are ranked against all; drop it")
    return table[table["split"].isin(["query", "gallery"])].reset_index(drop=True)


def everything(folder: Path) -> pd.DataFrame:
    """`path`, `pid` and `camid` (and `pair`, if the table has it) of all pictures of a folder, of all splits.

    They are read from index.parquet or index.csv; else from the file names at any depth, in Market-1501's or PKU-Reid's
    form; else every picture gets a pid of its own and no camera. Raises FileNotFoundError if there is no picture,
    ValueError as the tables' readers do.
    """
    folder = Path(folder)
    if (folder / index.NAME).is_file():
        table = index.read(folder)
    elif any((folder / name).is_file() for name in own.TABLES):
        table, _ = own.read(folder)
    else:
        table = named(folder)
        if "pid" not in table:
            table = table.assign(pid=range(len(table)), camid=None)
    kept = [column for column in ("path", "pid", "camid", "pair") if column in table]
    return table[kept].astype({"camid": "Int64"}).reset_index(drop=True)


def named(folder: Path, follow: bool = True) -> pd.DataFrame:
    """`path` (POSIX, relative to `folder`) of its pictures at any depth, sorted; what else is listed, `below` says.

    `pid` and `camid` too where all names tell them, as Market-1501's and PKU-Reid's do (null for a folder that cannot
    be read). Paths are Python's own text, which holds names that are no UTF-8. Raises FileNotFoundError where there is
    no such folder or no picture in it.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder, or no pictures in it; name a folder of pictures")
    paths = sorted(p.relative_to(folder).as_posix() for p in below(folder, follow))
    if not paths:
        kinds = ", ".join(sorted(SUFFIXES))
        raise FileNotFoundError(f"{folder}: no pictures in it ({kinds}); name another folder, or put some there")
    table = pd.DataFrame({"path": pd.Series(paths, dtype=object)})
    known = {p: m for p in paths if (m := market1501.FILE.fullmatch(Path(p).name) or PKU.fullmatch(Path(p).stem))}
    if not known or any(p not in known and Path(p).suffix.lower() in SUFFIXES for p in paths):
        return table
    ids = {k: [int(known[p][k]) if p in known else None for p in paths] for k in ("pid", "camid")}
    return table.assign(**{k: pd.array(values, "Int64") for k, values in ids.items()})


def below(folder: Path, follow: bool = True) -> Iterator[Path]:
    """The pictures in `folder` at any depth, by their names, in no order; hidden ones left out.

    Nothing is lost in silence: a link that leads nowhere and a folder that may not be read come too, for who reads
    pictures to tell. A link to a folder elsewhere is followed, each such folder once, or comes by its own name where
    `follow` is false; one that leads to within `folder` adds nothing. Raises OSError where `folder` itself cannot be
    read.
    """
    lost: list[OSError] = []
    inside, seen = Inside([folder]), set[tuple[int, int]]()

    def entered(place: Path) -> bool:
        try:
            found = place.stat()
        except OSError:
            return True  # to be told when it is opened
        key = found.st_dev, found.st_ino
        new = key not in seen
        seen.add(key)
        return new

    entered(folder)
    for name, folders, names in os.walk(folder, onerror=lost.append, followlinks=True):
        place, folders[:] = Path(name), [n for n in folders if not n.startswith(".")]
        links = [n for n in folders if (place / n).is_symlink()]
        if not follow:
            yield from (place / n for n in links if not inside(place / n))
        skipped = {n for n in links if not follow or inside(place / n)}
        folders[:] = [n for n in folders if n not in skipped and entered(place / n)]
        yield from (place / n for n in names if not n.startswith(".") and Path(n).suffix.lower() in SUFFIXES)
    for error in lost:
        if Path(error.filename) == folder:
            raise error
        yield Path(error.filename)


def _pku(folder: Path) -> pd.DataFrame:
    """The table of pictures named as PKU-Reid names them, at any depth, by person, camera and orientation."""
    found = []
    for path in below(folder):
        match = PKU.fullmatch(path.stem)
        if path.suffix.lower() not in SUFFIXES:
            raise PermissionError(f"{path}: a folder that may not be read; change its mode (chmod), or remove it")
        if not match:
            raise FileNotFoundError(
                f"{folder}: no layout that is known: no index.csv or index.parquet, no folders of Market-1501, and "
                f"{path.relative_to(folder)} is not named <person>_<camera>_<orientation>; write index.csv "
                "(data/README.md gives its columns)"
            )
        found.append((*(int(match[k]) for k in ("pid", "camid", "orientation")), path.relative_to(folder).as_posix()))
    if not found:
        raise FileNotFoundError(f"{folder}: holds no pictures, and neither index.csv nor index.parquet")
    seen: set[tuple[int, int]] = set()
    rows = []
    for pid, camid, orientation, path in sorted(found):
        asks = (pid, camid) not in seen
        seen.add((pid, camid))
        split = "query" if asks else "gallery"
        rows.append({"path": path, "pid": pid, "camid": camid, "split": split, "orientation": orientation})
        images.size(folder / path)
    table = index.build(rows)
    index.check(table, folder, index.Rows(folder))
    return table
