"""CUHK03 (Li et al., CVPR 2014) as published: cuhk-03.mat and the files of the new protocol (Zhong et al., CVPR 2017).

Decisions: the protocol file, not the order of the .mat, says which image is whose; its file names lead to the slot
({pair}_{person:03d}_{camera}_{slot:02d}.png, all 1-based). The .mat is opened once and streamed. With
`holdout: validation` the test people are left out altogether, so that nothing chosen on such a table has seen them.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd
import scipy.io

from sanreid import runtime
from sanreid.data import images, index

BOXES = ("labeled", "detected")
HOLDOUTS = ("test", "validation")
MAT = "cuhk-03.mat"
PROTOCOL = "cuhk03_new_protocol_config_{boxes}.mat"
FILE = re.compile(r"(?P<pair>[1-5])_(?P<person>\d{3})_(?P<camera>[12])_(?P<slot>\d{2})\.png")


class Shot(NamedTuple):
    """One image as a protocol file lists it: pair, person and slot lead into the .mat; all 1-based."""

    file: str
    pid: int
    camid: int
    split: str
    pair: int
    person: int
    slot: int


def read(
    raw: Path,
    boxes: str,
    holdout: str = "test",
    validation_people: int = 0,
    seed: int = 0,
    skip: Callable[[str], bool] = lambda path: False,
) -> tuple[pd.DataFrame, Iterator[tuple[str, np.ndarray]]]:
    """The table, with the extra column `pair`, and a stream of (path, (H, W, 3) uint8 RGB) in its order.

    `raw` holds the publisher's files, or cuhk03_release/ with them. `boxes` is "labeled" (drawn by hand) or "detected".
    The stream leaves out the paths for which `skip` is true when their turn comes: what is there from a run before.
    With holdout "test" the split is the protocol's; with "validation" see `hold_out`.
    Raises FileNotFoundError for an absent file, ValueError for a broken one, and, from the stream, for an image that
    the protocol lists and the .mat does not hold.
    """
    if boxes not in BOXES or holdout not in HOLDOUTS:
        raise ValueError(f"cuhk03: boxes {boxes!r} and holdout {holdout!r}: choose one of {BOXES} and of {HOLDOUTS}")
    folder = find(raw)
    shots = protocol(folder / PROTOCOL.format(boxes=boxes))
    if holdout == "validation":
        shots = hold_out(shots, validation_people, seed)
    open_mat(folder / MAT, boxes).close()  # a broken file is told here, before anyone starts to write
    return table_of(shots), pictures(folder / MAT, boxes, shots, skip)


def find(raw: Path) -> Path:
    """The folder with cuhk-03.mat: `raw` or cuhk03_release inside it; FileNotFoundError where neither has it."""
    for folder in (Path(raw), Path(raw) / "cuhk03_release"):
        if (folder / MAT).is_file():
            return folder
    raise FileNotFoundError(f"{raw}: no {MAT} here or in cuhk03_release/; put the publisher's download there")


def sources(raw: Path, boxes: str) -> list[Path]:
    """The publisher's files that `read` takes its table and pictures from, where they are there."""
    folder = find(raw)
    return [f for f in (folder / MAT, folder / PROTOCOL.format(boxes=boxes)) if f.is_file()]


def protocol(path: Path) -> list[Shot]:
    """The images of a new-protocol file, in its order.

    Raises FileNotFoundError, or ValueError naming what is wrong: an unreadable file, a missing key, a wrong file name,
    a camera or person that contradicts the name, an index out of range, an image in no split or in two.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: not found; it belongs to the new protocol (Zhong et al. 2017, github.com/zhunzhong07/"
            "person-re-ranking, evaluation/data/CUHK03) and lies beside cuhk-03.mat"
        )
    try:
        content = scipy.io.loadmat(path)
        names = [str(np.asarray(name).item()) for name in content["filelist"].ravel()]
        pids, camids = (content[key].ravel().astype(int).tolist() for key in ("labels", "camId"))
        chosen = {
            split: content[f"{split}_idx"].ravel().astype(int).tolist() for split in ("train", "query", "gallery")
        }
    except KeyError as error:
        raise ValueError(f"{path}: has no {error}; is it the new protocol's file?") from None
    except Exception as error:  # scipy answers a broken file with half a dozen types
        raise ValueError(f"{path}: not a readable MAT v5 file ({error}); download it again") from None
    if not names or not len(names) == len(pids) == len(camids):
        raise ValueError(f"{path}: {len(names)} files, {len(pids)} labels, {len(camids)} cameras; they must agree")
    splits = _splits(path, names, chosen)
    shots = []
    for name, pid, camid, split in zip(names, pids, camids, splits, strict=True):
        pair, person, camera, slot = _place(path, name)
        if camera != camid:
            raise ValueError(f"{path}: {name} is of camera {camera} by its name, of {camid} by camId")
        shots.append(Shot(name, pid, camid, split, pair, person, slot))
    _check_people(path, shots)
    return shots


def hold_out(shots: list[Shot], people: int, seed: int) -> list[Shot]:
    """Drop the test people and make `people` drawn training people the query and gallery.

    Query: one drawn image of each camera that has at least two of that person (as in Zhong et al., where the rest
    remains for the gallery); gallery: all their other images. The draw depends on `seed` alone.
    Raises ValueError naming the key where fewer than one person would be left on either side.
    """
    shots = [shot for shot in shots if shot.split == "train"]
    known = sorted({shot.pid for shot in shots})
    if not 1 <= people < len(known):
        raise ValueError(f"validation_people: {people} of {len(known)} training people; choose 1 to {len(known) - 1}")
    rng = runtime.rng(seed, "cuhk03 validation")
    held = set(rng.permutation(known)[-people:].tolist())
    views = defaultdict(list)
    for shot in shots:
        if shot.pid in held:
            views[shot.pid, shot.camid].append(shot.file)
    queries = {files[rng.integers(len(files))] for _, files in sorted(views.items()) if len(files) > 1}
    return [
        shot._replace(split="query" if shot.file in queries else "gallery") if shot.pid in held else shot
        for shot in shots
    ]


def truth(raw: Path, boxes: str, table: pd.DataFrame) -> Iterator[tuple[str, Path]]:
    """(name in the interim folder, source) of what a rendered set knows about the people and images of `table`."""
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
    """The index table of `shots`; camid is 1 or 2 within a pair, and `pair` tells the ten cameras apart."""
    return index.build(
        [{"path": path_of(s), "pid": s.pid, "camid": s.camid, "split": s.split, "pair": s.pair} for s in shots]
    )


def path_of(shot: Shot) -> str:
    """The image's path in the table."""
    return f"images/{shot.file}"


def _place(path: Path, name: str) -> tuple[int, int, int, int]:
    """Pair, person, camera, slot of a file name."""
    if match := FILE.fullmatch(name):
        pair, person, camera, slot = (int(part) for part in match.groups())
        if person >= 1 and slot in range(5 * camera - 4, 5 * camera + 1):
            return pair, person, camera, slot
    raise ValueError(
        f"{path}: file name {name!r} is not {{pair 1-5}}_{{person:03d}}_{{camera 1-2}}_{{slot:02d}}.png"
        " with slots 1-5 of camera 1 and 6-10 of camera 2"
    )


def _splits(path: Path, names: list[str], chosen: dict[str, list[int]]) -> list[str]:
    """Each image's split, by the protocol's 1-based indices."""
    splits = [""] * len(names)
    for split, rows in chosen.items():
        for row in rows:
            if not 1 <= row <= len(names):
                raise ValueError(f"{path}: {split}_idx holds {row}; indices go from 1 to {len(names)}")
            if splits[row - 1]:
                raise ValueError(f"{path}: {names[row - 1]} is in {splits[row - 1]}_idx and in {split}_idx")
            splits[row - 1] = split
    if "" in splits:
        raise ValueError(f"{path}: {names[splits.index('')]} is in none of train_idx, query_idx, gallery_idx")
    return splits


def _check_people(path: Path, shots: list[Shot]) -> None:
    """One label a (pair, person) and the other way round, and no file twice."""
    (name, count), *_ = Counter(shot.file for shot in shots).most_common(1)
    if count > 1:
        raise ValueError(f"{path}: {name} is listed {count} times")
    by_name: dict[tuple[int, int], int] = {}
    by_label: dict[int, tuple[int, int]] = {}
    for shot in shots:
        place = (shot.pair, shot.person)
        if by_name.setdefault(place, shot.pid) != shot.pid or by_label.setdefault(shot.pid, place) != place:
            raise ValueError(f"{path}: {shot.file} has label {shot.pid}, other images say otherwise: two people in one")


def open_mat(path: Path, boxes: str) -> h5py.File:
    """The .mat, opened; ValueError where it is cut off or does not hold `boxes`."""
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{path}: not a whole HDF5 file ({error}); download it again") from None
    if boxes not in file:
        file.close()
        raise ValueError(f"{path}: has no '{boxes}'; the publisher's file has detected, labeled and testsets")
    return file


def pictures(
    path: Path, boxes: str, shots: list[Shot], skip: Callable[[str], bool] = lambda path: False
) -> Iterator[tuple[str, np.ndarray]]:
    """A stream of (path, (H, W, 3) uint8 RGB) of `shots`; ValueError names an image that the .mat does not hold."""
    with open_mat(path, boxes) as file:
        pairs = [file[reference][()] for reference in file[boxes][0]]  # each (10 slots, people) references
        for shot in shots:
            if skip(path_of(shot)):
                continue
            where = f"{path}: {boxes}: {shot.file}"
            if shot.pair > len(pairs) or shot.person > pairs[shot.pair - 1].shape[1]:
                raise ValueError(f"{where} is in the protocol, but the file has no such person")
            try:
                pixels = _read(file, pairs[shot.pair - 1][shot.slot - 1, shot.person - 1])
            except (OSError, ValueError, KeyError, RuntimeError) as error:
                raise ValueError(f"{where} cannot be read ({error}); download the file again") from None
            if pixels.ndim < 3:  # MATLAB's empty cell: two zeros, the size 0 x 0
                raise ValueError(f"{where} is in the protocol, but empty here; do boxes and protocol belong together?")
            if pixels.dtype != np.uint8 or pixels.shape[0] != 3:
                raise ValueError(f"{where} is {pixels.dtype} {pixels.shape}, not uint8 (3, W, H)")
            yield path_of(shot), np.ascontiguousarray(pixels.transpose(2, 1, 0))


def _read(file: h5py.File, reference: h5py.Reference) -> np.ndarray:
    """What a reference leads to, by HDF5's own calls: a third of h5py's time, which a picture is too small for."""
    data = h5py.h5r.dereference(reference, file.id)
    values = np.empty(data.shape, data.dtype)
    data.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
    return values
