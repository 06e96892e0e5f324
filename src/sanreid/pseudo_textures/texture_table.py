"""The table that gives each image's texture.

Decisions: textures have the images' folders (`images/query/0001.jpg` gives `images/query/0001.png`), so that pictures
of two splits cannot overwrite each other. Readers use the table `index.parquet` (path, texture), and never derive one
path from the other.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from sanreid import faults

NAME = "index.parquet"


def names(paths: Sequence[str]) -> list[str]:
    """A PNG's path for each image path, in the same folder; ValueError where two images would share one."""
    textures = [str(PurePosixPath(path).with_suffix(".png")) for path in paths]
    first: dict[str, str] = {}
    for path, texture in zip(paths, textures, strict=True):
        if texture in first:
            raise ValueError(f"{first[texture]} and {path} would share the texture {texture}; rename one of the images")
        first[texture] = path
    return textures


def write(paths: Sequence[str], textures: Sequence[str], folder: Path) -> None:
    """Write the table of image path -> texture path (relative to `folder`)."""
    pd.DataFrame({"path": list(paths), "texture": list(textures)}).to_parquet(folder / NAME, index=False)


def find(folder: Path, paths: Sequence[str]) -> list[str]:
    """The texture, relative to `folder`, of each image path.

    Raises FileNotFoundError where there is no table, ValueError naming the first image without a texture.
    """
    file = folder / NAME
    if not file.is_file():
        raise FileNotFoundError(f"{file}: not found; run generate_textures for this set")
    with faults.about(file, "run generate_textures again"):
        table = pd.read_parquet(file)
        known = dict(zip(table["path"], table["texture"], strict=True))
    absent = [path for path in paths if path not in known]
    if absent:
        raise ValueError(
            f"{file}: no texture for {absent[0]} ({len(absent)} images in all); run generate_textures again"
        )
    return [known[path] for path in paths]
