"""CUHK03's new protocol (Zhong et al., CVPR 2017): which images there are, whose they are and what they are for.

Decisions: the file, not the order of cuhk-03.mat, says which image is whose; its file names lead to the slot
({pair}_{person:03d}_{camera}_{slot:02d}.png, all 1-based). Whatever contradicts itself is refused here, before hours of
extraction.
"""

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

from sanreid import runtime
from sanreid.data import mat5
from sanreid.faults import short

SPLITS = ("train", "query", "gallery")
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
    content = mat5.read(path)
    try:
        names, labels, cameras = (content[key] for key in ("filelist", "labels", "camId"))
        rows = {split: content[f"{split}_idx"] for split in SPLITS}
    except KeyError as error:
        raise ValueError(f"{path}: has no {error}; is it the new protocol's file?") from None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path}: filelist is no list of file names; is it the new protocol's file?")
    pids, camids = mat5.whole(labels, f"{path}: labels", 0, 10**9), mat5.whole(cameras, f"{path}: camId", 1, 2)
    if not names or not len(names) == len(pids) == len(camids):
        raise ValueError(f"{path}: {len(names)} files, {len(pids)} labels, {len(camids)} cameras; they must agree")
    chosen = {split: mat5.whole(given, f"{path}: {split}_idx", 1, len(names)) for split, given in rows.items()}
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


def _place(path: Path, name: str) -> tuple[int, int, int, int]:
    """Pair, person, camera, slot of a file name."""
    if match := FILE.fullmatch(name):
        pair, person, camera, slot = (int(part) for part in match.groups())
        if person >= 1 and slot in range(5 * camera - 4, 5 * camera + 1):
            return pair, person, camera, slot
    raise ValueError(
        f"{path}: file name {short(name)} is not {{pair 1-5}}_{{person:03d}}_{{camera 1-2}}_{{slot:02d}}.png"
        " with slots 1-5 of camera 1 and 6-10 of camera 2"
    )


def _splits(path: Path, names: list[str], chosen: dict[str, list[int]]) -> list[str]:
    """Each image's split, by the protocol's 1-based indices."""
    splits = [""] * len(names)
    for split, rows in chosen.items():
        for row in rows:
            if splits[row - 1]:
                raise ValueError(f"{path}: {names[row - 1]} is in {splits[row - 1]}_idx and in {split}_idx")
            splits[row - 1] = split
    if "" in splits:
        raise ValueError(f"{path}: {names[splits.index('')]} is in none of train_idx, query_idx, gallery_idx")
    return splits


def _check_people(path: Path, shots: list[Shot]) -> None:
    """One label a (pair, person) and the other way round, no file twice, nobody both trained on and searched for.

    The index table is checked for the same, but only after an hour of extraction.
    """
    (name, count), *_ = Counter(shot.file for shot in shots).most_common(1)
    if count > 1:
        raise ValueError(f"{path}: {name} is listed {count} times")
    by_name: dict[tuple[int, int], int] = {}
    by_label: dict[int, tuple[int, int]] = {}
    for shot in shots:
        place = (shot.pair, shot.person)
        if by_name.setdefault(place, shot.pid) != shot.pid or by_label.setdefault(shot.pid, place) != place:
            raise ValueError(f"{path}: {shot.file} has label {shot.pid}, other images say otherwise: two people in one")
    people = {split: {s.pid for s in shots if s.split == split} for split in SPLITS}
    if empty := [split for split in SPLITS if not people[split]]:
        raise ValueError(f"{path}: {empty[0]}_idx holds no image; download it again")
    if both := people["train"] & (people["query"] | people["gallery"]):
        raise ValueError(
            f"{path}: label {min(both)} is in train_idx and in query_idx or gallery_idx; download it again"
        )
    if lonely := people["query"] - people["gallery"]:
        raise ValueError(f"{path}: label {min(lonely)} is in query_idx and not in gallery_idx; download it again")
