"""CUHK03's new protocol (Zhong et al., CVPR 2017): the list of images, with person, camera and split of each.

Decisions: the protocol file, not the order in cuhk-03.mat, says which image is of which person; its file names give the
slot ({pair}_{person:03d}_{camera}_{slot:02d}.png, all 1-based). Contradictions in the file are refused here, before
the images are extracted.
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
    """One image in a protocol file; pair, person and slot (1-based) are its place in the .mat."""

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
    """Drop the test people, and make query and gallery of `people` randomly chosen training people.

    Query: one random image from each camera with at least two images of that person (as in Zhong et al., so that the
    gallery keeps one); gallery: all their other images. The choice depends on `seed` only.
    Raises ValueError naming the key if nobody would be left for training or for validation.
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
    """Check that each (pair, person) has one label and each label one (pair, person), that no file is listed twice, and
    that no training person is in query or gallery.

    `index.check` would refuse these too, but only after all images have been extracted.
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
