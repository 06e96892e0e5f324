"""The texture that SAN-PG painted for a picture of a set: what stage generate_textures left beside it.

Decisions: the textures of data/interim/<set> are data/textures/<set>/texture, as dvc.yaml has them; they are looked for
nowhere else, and a set without them has none to show (nor has one whose textures lie outside of what the page may
read: `Page`). A texture's file is looked up in their own table, never guessed from a picture's name.
"""

import os
from functools import lru_cache
from pathlib import Path

import pyarrow.parquet as pq

from app.folders import inside
from sanreid.data import index

SETS, TEXTURES, KIND = "interim", "textures", "texture"


def folder(gallery: Path) -> Path | None:
    """Where the textures of a gallery's folder lie; None where there are none."""
    place = gallery.parent.parent / TEXTURES / gallery.name / KIND
    return place if gallery.parent.name == SETS and (place / index.NAME).is_file() else None


def find(gallery: Path, name: str) -> Path | None:
    """The texture's file for the picture `name` of a gallery; None where there is none."""
    place = folder(gallery)
    if place is None:
        return None
    table = place / index.NAME
    texture = _table(table, table.stat().st_mtime_ns).get(name)
    if not texture or ".." in texture or os.path.isabs(texture):
        return None
    found = place / texture
    return found if found.is_file() and inside(place)(found) else None


@lru_cache(maxsize=4)
def _table(file: Path, modified: int) -> dict[str, str]:
    """Picture to texture; none where the table is damaged (`modified` lets a newer one be read)."""
    try:
        columns = pq.read_table(file, columns=["path", "texture"]).to_pydict()
    except (OSError, ValueError, KeyError):
        return {}
    return {path: texture for path, texture in zip(columns["path"], columns["texture"], strict=True) if texture}
