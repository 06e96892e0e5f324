"""Which folders the page may read, and which of them it offers.

Decisions: what is named at the start bounds everything: a folder that somebody types must lie in one of those, links
followed, and so must each picture (DVC's own links into its cache excepted). A folder's id is a hash of its place, so
that no path is ever taken from an address.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from sanreid.data import index
from sanreid.data.folder import TABLES
from sanreid.data.links import Inside

DEEP = 3  # levels below a root at which tables are looked for
DEFAULTS = (Path("data/interim"), Path("data/textures"))


class Folders:
    """The roots, and the folders that are offered: id to place."""

    def __init__(self, named: Sequence[Path] = (), base: Path = Path()) -> None:
        """`named` are offered whatever they hold; without any, what has a table below `base`'s DEFAULTS is.

        Raises FileNotFoundError for a folder that is named and not there.
        """
        for folder in named:
            if not folder.is_dir():
                raise FileNotFoundError(
                    f'{folder}: no such folder; name folders of pictures: make app FOLDERS="photos more", and one with '
                    "a space in its name in quotes of its own: FOLDERS=\"'my photos' more\""
                )
        self.roots = [Path(os.path.realpath(f)) for f in (named or [base / d for d in DEFAULTS if (base / d).is_dir()])]
        self.shown: dict[str, Path] = {}
        for root in self.roots:
            if named:
                self._show(root)
            for folder in with_table(root):
                self._show(folder)

    def place(self, key: str) -> Path:
        """The folder of an id; KeyError where there is none."""
        return self.shown[key]

    def open(self, text: str) -> str:
        """Offer the folder that somebody typed, in full or relative to a root; its id.

        Raises PermissionError where it lies in no root, FileNotFoundError where it is not there.
        """
        text = text.strip()
        if not text or "\0" in text:
            raise FileNotFoundError("no folder was named; type one that lies in those named at the start")
        tried = [Path(text)] if Path(text).is_absolute() else [root / text for root in self.roots]
        inside = [real for p in tried if (real := Path(os.path.realpath(p))) and self.hold(real)]
        if not inside:
            raise PermissionError(
                f'{text}: not in a folder named at the start; start the page with it: make app FOLDERS="..."'
            )
        for folder in inside:
            if folder.is_dir() and not any(part.startswith(".") for part in self._below(folder).parts):
                return self._show(folder)
        raise FileNotFoundError(f"{text}: no such folder")

    def name(self, folder: Path) -> str:
        """What a person calls it: the root's name, and the way down from there."""
        root = next(r for r in self.roots if folder == r or r in folder.parents)
        below = folder.relative_to(root)
        return root.name if below == Path() else f"{root.name}/{below.as_posix()}"

    def hold(self, real: Path) -> bool:
        """Whether a place, links followed, is a root or lies in one."""
        return any(real == root or root in real.parents for root in self.roots)

    def _below(self, folder: Path) -> Path:
        return folder.relative_to(next(r for r in self.roots if folder == r or r in folder.parents))

    def _show(self, folder: Path) -> str:
        real = Path(os.path.realpath(folder))
        key = hashlib.blake2b(os.fsencode(real), digest_size=6).hexdigest()
        self.shown[key] = real
        return key


def with_table(root: Path) -> list[Path]:
    """The folders at or below `root` that hold a set's table, hidden ones and links left out, sorted."""
    found, level = [], [root]
    for _ in range(DEEP + 1):
        found += [folder for folder in level if _has_table(folder)]
        below = [p for folder in level if folder not in found for p in folder.iterdir()]
        level = [p for p in below if not p.name.startswith(".") and not p.is_symlink() and p.is_dir()]
    return sorted(found)


def _has_table(folder: Path) -> bool:
    """Whether people can be looked for in it: a table of textures alone (image, texture) is none of people."""
    if not any((folder / name).is_file() for name in TABLES):
        return False
    try:
        file = folder / index.NAME
        return not file.is_file() or "texture" not in (names := pq.read_schema(file).names) or "pid" in names
    except (OSError, ValueError):  # a damaged table is told when the folder is read
        return True


def inside(folder: Path) -> Inside:
    """Whether a picture's file lies in `folder`, links followed."""
    return Inside([folder])
