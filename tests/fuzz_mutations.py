"""Ways in which a raw set gets damaged, each drawn by a seed.

Decision: a mutation tells which file it touched and, where no byte moved, which bytes, so that the judge can say
whether any checksum could have told.
"""

import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.io

ODD = (
    "nan",
    "inf",
    "-1",
    "0",
    "1.5",
    "1e300",
    "9" * 30,
    "",
    "²",
    "1_0",
    "0x1",
    " 7 ",
    "x" * 300,
    "a,b",
    '"',
    "\t",
    "../x",
)
NUMBERS = (1.5, np.nan, np.inf, -np.inf, -1, 0, 1e300, 2.0**40, 3)
LETTERS = ("ä", " ", ";", "\n", "'", "\\", "%s", "{0}", "\udcff", "x" * 120)
TEXT = (".csv", ".txt")


class Mutation(NamedTuple):
    """What was done, to which files (relative to the set), and to which bytes of the first where none moved."""

    kind: str
    files: tuple[str, ...]
    touched: tuple[int, ...] | None = None


def damage(raw: Path, draw: random.Random) -> Mutation:
    """Damage the set in `raw` in one way."""
    files = sorted(p for p in raw.rglob("*") if p.is_file())
    # a table or container is one file beside many pictures, and the more interesting one
    path = draw.choice(draw.choice([files, [p for p in files if p.suffix not in (".jpg", ".png")] or files]))
    name = path.relative_to(raw).as_posix()
    if path.suffix in TEXT and draw.random() < 0.6:
        return draw.choice(TEXTS)(path, name, draw)
    if path.suffix == ".mat" and draw.random() < 0.3 and path.read_bytes()[:8].startswith(b"MATLAB"):
        return number(path, name, draw)
    if path.suffix == ".parquet" and draw.random() < 0.4:
        return entry(path, name, draw)
    return draw.choice(BYTES if draw.random() < 0.65 else PLACES)(path, name, draw)


def flip(path: Path, name: str, draw: random.Random) -> Mutation:
    data = bytearray(path.read_bytes())
    at = draw.randrange(len(data))
    data[at] ^= 1 << draw.randrange(8)
    path.write_bytes(data)
    return Mutation("flip", (name,), (at,))


def flips(path: Path, name: str, draw: random.Random) -> Mutation:
    """Several bits near the start, where the structure is."""
    data = bytearray(path.read_bytes())
    places = tuple(draw.randrange(min(len(data), 4096)) for _ in range(draw.randint(2, 8)))
    for at in places:
        data[at] ^= 1 << draw.randrange(8)
    path.write_bytes(data)
    return Mutation("flips", (name,), places)


def zero(path: Path, name: str, draw: random.Random) -> Mutation:
    data = bytearray(path.read_bytes())
    start = draw.randrange(len(data))
    places = range(start, min(len(data), start + draw.choice((1, 8, 64, 512))))
    data[start : places.stop] = bytes(len(places))
    path.write_bytes(data)
    return Mutation("zero", (name,), tuple(places))


def cut(path: Path, name: str, draw: random.Random) -> Mutation:
    data = path.read_bytes()
    path.write_bytes(data[: draw.randrange(1, len(data))])
    return Mutation("cut", (name,))


def empty(path: Path, name: str, _: random.Random) -> Mutation:
    path.write_bytes(b"")
    return Mutation("empty", (name,))


def splice(path: Path, name: str, draw: random.Random) -> Mutation:
    data = path.read_bytes()
    at = draw.randrange(len(data))
    path.write_bytes(data[:at] + draw.randbytes(draw.choice((1, 2, 8, 100))) + data[at:])
    return Mutation("splice", (name,))


def append(path: Path, name: str, draw: random.Random) -> Mutation:
    path.write_bytes(path.read_bytes() + draw.choice((b"\0", b"\n", b"more", bytes(4096), path.read_bytes())))
    return Mutation("append", (name,))


def swap(path: Path, name: str, draw: random.Random) -> Mutation:
    raw = Path(str(path)[: -len(name)])
    other = draw.choice(sorted(p for p in raw.rglob("*") if p.is_file()))
    one, two = path.read_bytes(), other.read_bytes()
    path.write_bytes(two)
    other.write_bytes(one)
    return Mutation("swap", (name, other.relative_to(raw).as_posix()))


def delete(path: Path, name: str, _: random.Random) -> Mutation:
    path.unlink()
    return Mutation("delete", (name,))


def duplicate(path: Path, name: str, draw: random.Random) -> Mutation:
    raw = Path(str(path)[: -len(name)])
    new = draw.choice(
        (f"{path.name}.bak", f"copy of {path.name}", path.stem + ".jpeg", path.name.upper(), f"._{path.name}")
    )
    to = draw.choice([p for p in raw.rglob("*") if p.is_dir()] or [raw]) / new
    shutil.copyfile(path, to)
    return Mutation("duplicate", (name, to.relative_to(raw).as_posix()))


def rename(path: Path, name: str, draw: random.Random) -> Mutation:
    at = draw.randrange(len(path.name))
    target = path.with_name(path.name[:at] + draw.choice(LETTERS) + path.name[at:])
    path.rename(target)
    return Mutation("rename", (name, name[: -len(path.name)] + target.name))


def special(path: Path, name: str, draw: random.Random) -> Mutation:
    """A folder, a link or a pipe in the file's place."""
    path.unlink()
    kind = draw.choice(("folder", "dangling", "loop", "device", "outside", "pipe"))
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to({"dangling": "nowhere", "loop": path.name, "device": "/dev/zero", "outside": __file__}[kind])
    return Mutation(kind, (name,))


def token(path: Path, name: str, draw: random.Random) -> Mutation:
    """A word of a text becomes another."""
    text = path.read_text()
    word = draw.choice(list(re.finditer(r"[^,\n]+", text)))
    path.write_text(text[: word.start()] + draw.choice(ODD) + text[word.end() :])
    return Mutation("token", (name,))


def lines(path: Path, name: str, draw: random.Random) -> Mutation:
    """A line is there twice, is gone, or stands elsewhere."""
    found = path.read_text().splitlines()
    at = draw.randrange(len(found))
    line = found.pop(at)
    for _ in range(draw.randrange(3)):
        found.insert(draw.randrange(len(found) + 1), line)
    path.write_text("\n".join(found))
    return Mutation("lines", (name,))


def encode(path: Path, name: str, draw: random.Random) -> Mutation:
    text = path.read_text()
    code = draw.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "utf-8"))
    if code == "latin-1":
        text = text.replace("1", "ü", 1)
    elif code == "utf-8":
        text = text.replace(",", draw.choice(";\t|"))
    path.write_bytes(text.encode(code))
    return Mutation("encode", (name,))


def number(path: Path, name: str, draw: random.Random) -> Mutation:
    """One number of a MAT v5 file becomes another, all else as it is."""
    content = {k: v for k, v in scipy.io.loadmat(path).items() if not k.startswith("__")}
    key = draw.choice(sorted(content))
    if content[key].dtype.names:
        side = content[key][draw.choice(content[key].dtype.names)][0, 0]
        field = draw.choice(side.dtype.names)
        side[field][0, 0] = _changed(side[field][0, 0], draw)
    else:
        content[key] = _changed(content[key], draw)
    scipy.io.savemat(path, content)
    return Mutation("number", (name,))


def _changed(values: np.ndarray, draw: random.Random) -> np.ndarray:
    if values.dtype != object:
        values = values.astype(float)
    values.flat[draw.randrange(values.size)] = draw.choice(NUMBERS)
    return values


def entry(path: Path, name: str, draw: random.Random) -> Mutation:
    """One value of a table becomes another."""
    table = pd.read_parquet(path).astype(object)
    row, column = draw.randrange(len(table)), draw.choice(list(table.columns))
    table.loc[row, column] = draw.choice((*NUMBERS, *ODD, None, True))
    try:
        table.to_parquet(path)
    except (ValueError, TypeError, OverflowError):  # a column of one type: all of it as text, then
        table.astype(str).to_parquet(path)
    return Mutation("entry", (name,))


Way = Callable[[Path, str, random.Random], Mutation]
BYTES: tuple[Way, ...] = (flip, flip, flip, flips, zero, cut, empty, splice, append)
PLACES: tuple[Way, ...] = (swap, delete, duplicate, rename, special, special)
TEXTS: tuple[Way, ...] = (token, token, lines, encode)
