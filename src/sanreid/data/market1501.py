"""Market-1501 (Zheng et al., ICCV 2015) as published: five folders of JPEGs whose names say person and camera.

Decisions: bounding_box_train, query and bounding_box_test become train, query and gallery; junk (-1) is dropped, as the
standard evaluation ignores it; distractors (0000) stay in the gallery as pid 0, which matches nobody. The pictures are
copied byte by byte under their own names; the same name in two folders is refused, because one would overwrite the
other. Numbers in file names may have more digits than the publisher's, since other sets use this layout with more
people, cameras and frames.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sanreid.data import images, index

RELEASE = "Market-1501-v15.09.15"
FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
FILE = re.compile(r"(?P<pid>-1|[0-9]{4,18})_c(?P<camid>0*[1-9][0-9]{0,8})s[0-9]+_[0-9]{6,}_[0-9]{2,}(\.jpg)+")
JUNK, DISTRACTOR = -1, 0


class Picture(NamedTuple):
    """One picture of the release that is kept."""

    source: Path
    pid: int
    camid: int
    split: str


def read(raw: Path) -> tuple[pd.DataFrame, Iterator[tuple[str, np.ndarray]]]:
    """The table and a stream of (path, (H, W, 3) uint8 RGB) in its order: train, query, gallery, each by file name.

    `raw` is the release's folder or the one that contains it.
    Raises FileNotFoundError for an absent folder, ValueError naming one without pictures of people, or a file whose
    name is not the publisher's.
    """
    pictures = scan(raw)
    table = index.build([{"path": _path(p), "pid": p.pid, "camid": p.camid, "split": p.split} for p in pictures])
    return table, ((_path(p), images.read_rgb(p.source)) for p in pictures)


def find(raw: Path) -> Path:
    """The release's folder: `raw`, or Market-1501-v15.09.15 in it; FileNotFoundError if neither is one."""
    for folder in (Path(raw), Path(raw) / RELEASE):
        if (folder / FOLDERS["train"]).is_dir():
            return folder
    raise FileNotFoundError(f"{raw}: no {FOLDERS['train']}/ here or in {RELEASE}/; put the publisher's download there")


def scan(raw: Path) -> list[Picture]:
    """The pictures of the release without junk; errors as in `read`."""
    folder = find(raw)
    pictures: list[Picture] = []
    seen: dict[str, Path] = {}
    for split, name in FOLDERS.items():
        for source in images.files(folder / name):
            match = FILE.fullmatch(source.name)
            if not match:
                raise ValueError(f"{source}: the name is not like 0002_c1s1_000451_03.jpg; rename or remove the file")
            pid = int(match["pid"])
            if pid == JUNK:
                continue
            if pid == DISTRACTOR and split != "gallery":
                raise ValueError(f"{source}: a distractor (0000) outside {FOLDERS['gallery']}/; remove the file")
            if source.name in seen:
                raise ValueError(f"{source}: has the name of {seen[source.name]}; one would overwrite the other")
            seen[source.name] = source
            pictures.append(Picture(source, pid, int(match["camid"]), split))
        if not any(picture.split == split for picture in pictures[-1:]):
            raise ValueError(f"{folder / name}: holds no pictures of people; put the publisher's files there")
    return pictures


def files(raw: Path, table: pd.DataFrame) -> Iterator[tuple[str, Path]]:
    """(name in the interim folder, source file) of the pictures of `table`, and of a rendered set's true textures."""
    release = find(raw)
    for path, split in zip(table["path"], table["split"], strict=True):
        yield path, release / FOLDERS[split] / Path(path).name
    folder = next((f / "truth" for f in (Path(raw), release.parent) if (f / "truth").is_dir()), Path(raw) / "truth")
    people, stems = set(table["pid"]), {Path(path).stem for path in table["path"]}
    for source in images.found(folder / "textures"):
        if source.stem.isdigit() and int(source.stem) in people:
            yield f"truth/textures/{int(source.stem)}.png", source
    for source in images.found(folder / "visibility"):
        if source.stem in stems:
            yield f"truth/visibility/{source.stem}.png", source
    if (folder / "coverage.png").is_file():
        yield "truth/coverage.png", folder / "coverage.png"


def roots(raw: Path) -> list[Path]:
    """The folders that contain the files of `files`; a link to outside of them is refused."""
    return [Path(raw), *(folder for folder in [find(raw).parent / "truth"] if folder.is_dir())]


def _path(picture: Picture) -> str:
    return f"images/{picture.source.name}"
