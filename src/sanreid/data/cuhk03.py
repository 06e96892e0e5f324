"""CUHK03 (Li et al., CVPR 2014) as published: cuhk-03.mat and the files of the new protocol (Zhong et al., CVPR 2017).

Decisions: the protocol file, not the order in the .mat, says which image is of which person; its file names give the
slot ({pair}_{person:03d}_{camera}_{slot:02d}.png, all 1-based). The .mat is opened once and read image by image. With
`holdout: validation` the test people are left out entirely, so that parameters cannot be chosen on them.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from sanreid.data import images, index, mat73
from sanreid.data.cuhk03_protocol import Shot, hold_out, protocol

BOXES = ("labeled", "detected")
HOLDOUTS = ("test", "validation")
MAT = "cuhk-03.mat"
PROTOCOL = "cuhk03_new_protocol_config_{boxes}.mat"
SLOTS, PAIRS = 10, 5  # images of a person, and camera pairs
PEOPLE, SIDE = 100_000, 20_000  # far beyond the published 843 people of a pair, and pixels of a side


def read(
    raw: Path,
    boxes: str,
    holdout: str = "test",
    validation_people: int = 0,
    seed: int = 0,
    skip: Callable[[str], bool] = lambda path: False,
) -> tuple[pd.DataFrame, Iterator[tuple[str, np.ndarray]]]:
    """The table, with the extra column `pair`, and a stream of (path, (H, W, 3) uint8 RGB) in its order.

    `raw` has the publisher's files, or cuhk03_release/ with them. `boxes` is "labeled" (drawn by hand) or "detected".
    The stream skips paths for which `skip(path)` is true: files that an earlier run has already written.
    With holdout "test" the split is the protocol's; for "validation" see `hold_out`.
    Raises FileNotFoundError for a missing file, ValueError for a broken one, and, while streaming, for an image that
    the protocol lists but the .mat lacks.
    """
    if boxes not in BOXES or holdout not in HOLDOUTS:
        raise ValueError(f"cuhk03: boxes {boxes!r} and holdout {holdout!r}: choose one of {BOXES} and of {HOLDOUTS}")
    folder = find(raw)
    shots = protocol(folder / PROTOCOL.format(boxes=boxes))
    if holdout == "validation":
        shots = hold_out(shots, validation_people, seed)
    with open_mat(folder / MAT, boxes) as file:  # a broken file raises here, before anything is written
        cells(file, boxes)
    return table_of(shots), pictures(folder / MAT, boxes, shots, skip)


def find(raw: Path) -> Path:
    """The folder with cuhk-03.mat: `raw`, or cuhk03_release in it; FileNotFoundError if neither has it."""
    for folder in (Path(raw), Path(raw) / "cuhk03_release"):
        if (folder / MAT).is_file():
            return folder
    raise FileNotFoundError(f"{raw}: no {MAT} here or in cuhk03_release/; put the publisher's download there")


def sources(raw: Path, boxes: str) -> list[Path]:
    """Those of the publisher's files that `read` uses and that exist."""
    folder = find(raw)
    return [f for f in (folder / MAT, folder / PROTOCOL.format(boxes=boxes)) if f.is_file()]


def truth(raw: Path, boxes: str, table: pd.DataFrame) -> Iterator[tuple[str, Path]]:
    """(name in the interim folder, source file) of true textures and visibility maps, which a rendered set has."""
    folder = find(raw) / "truth"
    pids = {Path(path).stem: pid for path, pid in zip(table["path"], table["pid"], strict=True)}
    people = {stem.rsplit("_", 2)[0]: pid for stem, pid in pids.items()}  # {pair}_{person}
    for source in images.found(folder / "textures"):
        if source.stem in people:
            yield f"truth/textures/{people[source.stem]}.png", source
    for source in images.found(folder / "visibility" / boxes):
        if source.stem in pids:
            yield f"truth/visibility/{source.stem}.png", source
    if (folder / "coverage.png").is_file():
        yield "truth/coverage.png", folder / "coverage.png"


def table_of(shots: list[Shot]) -> pd.DataFrame:
    """The index table of `shots`; camid is 1 or 2 within a camera pair; `pair` and camid identify the ten cameras."""
    return index.build(
        [{"path": path_of(s), "pid": s.pid, "camid": s.camid, "split": s.split, "pair": s.pair} for s in shots]
    )


def path_of(shot: Shot) -> str:
    """The image's path in the table."""
    return f"images/{shot.file}"


def open_mat(path: Path, boxes: str) -> h5py.File:
    """The opened .mat; ValueError if it is cut off, refers to other files, or has no `boxes`."""
    file = mat73.opened(path)
    try:
        found = mat73.named(file, boxes)
    except ValueError:
        file.close()
        raise
    if found is None:
        file.close()
        raise ValueError(f"{path}: has no '{boxes}'; the publisher's file has detected, labeled and testsets")
    return file


def cells(file: h5py.File, boxes: str) -> list[np.ndarray]:
    """For each camera pair an array (10 slots, people) of references to images; ValueError for another layout."""
    where = f"{file.filename}: {boxes}"
    found = mat73.named(file, boxes)
    pairs = np.empty(0) if found is None else mat73.references(found, where).ravel()
    if not 1 <= len(pairs) <= PAIRS:
        raise ValueError(f"{where} has {len(pairs)} camera pairs; the publisher's file has 5, download it again")
    result = []
    for number, reference in enumerate(pairs, 1):
        slots = mat73.references(mat73.follow(file, reference, f"{where}: pair {number}"), f"{where}: pair {number}")
        if slots.shape[0] != SLOTS or slots.shape[1] > PEOPLE:
            raise ValueError(f"{where}: pair {number} is {slots.shape}, not ({SLOTS} slots, people); download it again")
        result.append(slots)
    return result


def pictures(
    path: Path, boxes: str, shots: list[Shot], skip: Callable[[str], bool] = lambda path: False
) -> Iterator[tuple[str, np.ndarray]]:
    """A stream of (path, (H, W, 3) uint8 RGB) of `shots`; ValueError names an image that the .mat lacks."""
    seen: dict[tuple[int, ...], str] = {}
    with open_mat(path, boxes) as file:
        pairs = cells(file, boxes)
        for shot in shots:
            if skip(path_of(shot)):
                continue
            where = f"{path}: {boxes}: {shot.file}"
            if shot.pair > len(pairs) or shot.person > pairs[shot.pair - 1].shape[1]:
                raise ValueError(f"{where} is in the protocol, but the file has no such person")
            place, pixels = _read(file, pairs[shot.pair - 1][shot.slot - 1, shot.person - 1], where)
            if (other := seen.setdefault(place, shot.file)) != shot.file:
                raise ValueError(f"{where} and {other} are the same picture; download the file again")
            yield path_of(shot), np.ascontiguousarray(pixels.transpose(2, 1, 0))


def _read(file: h5py.File, reference: h5py.Reference, where: str) -> tuple[tuple[int, ...], np.ndarray]:
    """Where a picture lies in the file, and its (3, W, H) uint8."""
    array = mat73.follow(file, reference, where)
    shape = array.shape
    if len(shape) < 3:  # MATLAB's empty cell: two zeros, the size 0 x 0
        raise ValueError(f"{where} is in the protocol, but empty here; do boxes and protocol belong together?")
    if array.dtype != np.uint8 or len(shape) > 3 or shape[0] != 3 or not all(1 <= side <= SIDE for side in shape):
        raise ValueError(f"{where} is {array.dtype} {shape[:6]}, not uint8 (3, W, H); download the file again")
    return array.place(), mat73.values(array, where)
