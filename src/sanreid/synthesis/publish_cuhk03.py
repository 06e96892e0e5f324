"""CUHK03 rendered in its publishers' layout: cuhk-03.mat (MATLAB v7.3) and the two files of the new protocol (MAT v5).

Decisions: `labeled` (tight, hand-drawn) and `detected` (loose, sometimes cut) are two crops of one rendered view, as
they are two boxes in one frame. Five camera pairs share six cameras. A slot is empty for both kinds where the person
was not filmed, for `detected` alone where the detector missed them; two images a camera are always there, so that
every query finds its person in the gallery. Pixels are as a camera's JPEG left them; the .mat adds no loss.

Layout: Li et al., "DeepReID", CVPR 2014; new protocol: Zhong et al., "Re-ranking Person Re-identification with
k-reciprocal Encoding", CVPR 2017.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple, Self

import h5py
import numpy as np
from pydantic import Field, model_validator

from sanreid import runtime
from sanreid.bounds import Jitter, NotAll, Pixels, Share
from sanreid.params import Section
from sanreid.synthesis import body, boxes, matfile, people, process_pool, render, scene
from sanreid.synthesis.look import OFF, Look
from sanreid.synthesis.pictures import through_jpeg, write_png
from sanreid.synthesis.random_draws import RandomDraws

SET = "cuhk03"
KINDS = ("labeled", "detected")
SLOTS = 10  # five of each camera
CERTAIN = 2  # slots of a camera that are never empty: a query and something for the gallery
NARROWEST = 0.36  # width over height of a box: nobody draws a box as thin as a person seen from the side
MARGIN = 0.15  # picture around the person, in box heights: room for a loose box


Camera = Annotated[int, Field(ge=1, le=1000)]


class Cuhk03(Section):
    """How many people each camera pair sees, the protocols, and how boxes are drawn."""

    people: Annotated[list[Annotated[int, Field(ge=1, le=999)]], Field(min_length=1, max_length=9)]
    camera_pairs: list[tuple[Camera, Camera]]
    test_people: Annotated[int, Field(ge=1, le=8990)]
    splits: Annotated[int, Field(ge=1, le=1000)]
    split_people: Annotated[int, Field(ge=1, le=8990)]
    heights: tuple[Pixels, Pixels]
    empty_share: NotAll
    missed_share: NotAll
    tight: Jitter
    jitter: Jitter
    cut_share: Share
    look_alike_share: Share

    @model_validator(mode="after")
    def _fits(self) -> Self:
        total = sum(self.people)
        if len(self.camera_pairs) != len(self.people):
            raise ValueError(f"camera_pairs: {len(self.camera_pairs)} for {len(self.people)} entries of people")
        if any(a == b for a, b in self.camera_pairs):
            raise ValueError("camera_pairs: a pair needs two different cameras")
        if self.test_people >= total:
            raise ValueError(f"test_people: {self.test_people} of {total} people leaves none to train on")
        if self.split_people >= total:
            raise ValueError(f"split_people: {self.split_people} of {total} people leaves none to train on")
        if max(self.people) > 999:
            raise ValueError(f"people: {max(self.people)} in a pair, but file names have three digits for a person")
        if self.heights[0] > self.heights[1]:
            raise ValueError(f"heights: {self.heights[0]} is above {self.heights[1]}")
        return self


class Key(NamedTuple):
    """A person as the publishers number them, both from 1."""

    pair: int
    person: int

    def __str__(self) -> str:
        return f"{self.pair}_{self.person:03d}"


Slots = dict[str, list[np.ndarray | None]]  # by kind: ten RGB pictures, None where the slot is empty


@dataclass(frozen=True)
class Job:
    """What a worker needs to render any person of the set."""

    truth: Path
    p: Cuhk03
    seed: int
    backgrounds: Path | None
    look: Look


def publish(folder: Path, p: Cuhk03, *, seed: int, processes: int, backgrounds: Path | None, look: Look = OFF) -> None:
    """Write cuhk-03.mat, both protocol files and truth/ into `folder`."""
    truth = folder / "truth"
    for name in ("textures", *(f"visibility/{kind}" for kind in KINDS)):
        (truth / name).mkdir(parents=True)
    write_png(truth / "coverage.png", body.coverage())
    keys = [Key(pair, person) for pair, count in enumerate(p.people, 1) for person in range(1, count + 1)]
    work = partial(render_person, Job(truth, p, seed, backgrounds, look))
    rendered = process_pool.run(work, keys, processes=processes, title=SET)
    filled = write_archive(folder / "cuhk-03.mat", p, zip(keys, rendered, strict=True), classic_splits(p, keys, seed))
    test = new_protocol_test(p, keys, seed)
    for kind in KINDS:
        matfile.write_v5(
            folder / f"cuhk03_new_protocol_config_{kind}.mat", new_protocol(keys, filled[kind], test, seed, kind)
        )


def render_person(job: Job, key: Key) -> Slots:
    """Render the ten slots of one person, write the person's truth, and return the pictures."""
    p, truth = job.p, job.truth
    index = sum(p.people[: key.pair - 1]) + key.person - 1
    person = people.make(job.seed, SET, index, look_alike_share=p.look_alike_share, dressed=job.look.worn)
    write_png(truth / "textures" / f"{key}.png", person.texture)
    pair = p.camera_pairs[key.pair - 1]
    result: Slots = {kind: [None] * SLOTS for kind in KINDS}
    for slot in range(SLOTS):
        draw = runtime.rng(job.seed, SET, index, "slot", slot)
        certain = slot % 5 < CERTAIN
        empty, missed = (draw.random(2) < (p.empty_share, p.missed_share)) & (not certain)
        if empty:
            continue
        camid, count = pair[slot // 5], max(max(c) for c in p.camera_pairs)
        camera = scene.reid_cameras(SET, job.seed, count, job.backgrounds, job.look.clutter.scenes)[camid - 1]
        levers = {"look": job.look, "dice": RandomDraws(job.seed, (SET, camid), (SET, index, slot))}
        height = int(draw.integers(p.heights[0], p.heights[1] + 1))
        view = render.view(person, camera, draw, height=height, margin=MARGIN, **levers)
        person_box = boxes.widen(view.box, NARROWEST)
        loose = boxes.jitter(person_box, draw, p.jitter)
        if draw.random() < p.cut_share:
            loose = boxes.cut(loose, draw)
        for kind, box in zip(KINDS, (boxes.jitter(person_box, draw, p.tight), loose), strict=True):
            if kind == "detected" and missed:
                continue
            picture, visibility = view.crop(boxes.pixels(box))
            result[kind][slot] = through_jpeg(picture, view.jpeg_quality)
            write_png(truth / "visibility" / kind / file_name(key, slot), visibility)
    return result


def file_name(key: Key, slot: int) -> str:
    """`{pair}_{person:03d}_{camera}_{k:02d}.png`; `slot` 0-9, an empty one keeps its number."""
    return f"{key}_{slot // 5 + 1}_{slot + 1:02d}.png"


def write_archive(
    path: Path, p: Cuhk03, rendered: Iterable[tuple[Key, Slots]], splits: list[np.ndarray]
) -> dict[str, dict[Key, list[int]]]:
    """Write cuhk-03.mat as the people arrive; return which slots are filled, by kind and person.

    The pictures lie there uncompressed: deflate wins 22 % on JPEG's noise and takes eight times as long.
    Cells are datasets of object references into `#refs#`, transposed as MATLAB writes them: `detected` and `labeled`
    (1, pairs) -> (10, people) -> (3, W, H) uint8 or the two zeros of an empty array; `testsets` (1, splits) ->
    (2, people) of (pair, person).
    """
    filled: dict[str, dict[Key, list[int]]] = {kind: {} for kind in KINDS}
    with h5py.File(path, "w", userblock_size=matfile.USERBLOCK) as file:
        refs = file.create_group("#refs#")
        pairs = {kind: [np.empty((SLOTS, count), h5py.ref_dtype) for count in p.people] for kind in KINDS}
        empty = _store(refs, "empty", np.zeros(2, np.uint64), "double")
        empty.attrs["MATLAB_empty"] = np.uint8(1)
        for key, slots in rendered:
            for kind in KINDS:
                cells = pairs[kind][key.pair - 1]
                for slot, picture in enumerate(slots[kind]):
                    cells[slot, key.person - 1] = empty.ref
                    if picture is not None:
                        name = f"{kind}_{file_name(key, slot)[:-4]}"
                        cells[slot, key.person - 1] = _store(refs, name, picture.transpose(2, 1, 0), "uint8").ref
                filled[kind][key] = [slot for slot, picture in enumerate(slots[kind]) if picture is not None]
        for kind in KINDS:
            _store_cell(file, kind, [_store(refs, f"{kind}_{i}", c, "cell").ref for i, c in enumerate(pairs[kind], 1)])
        _store_cell(
            file, "testsets", [_store(refs, f"testset_{i:02d}", s.T, "double").ref for i, s in enumerate(splits, 1)]
        )
    matfile.stamp_v73(path)
    return filled


def _store(group: h5py.Group, name: str, values: np.ndarray, matlab_class: str) -> h5py.Dataset:
    dtype = h5py.ref_dtype if values.dtype == object else values.dtype
    dataset = group.create_dataset(name, data=values, dtype=dtype, track_times=False)
    dataset.attrs["MATLAB_class"] = np.bytes_(matlab_class)
    return dataset


def _store_cell(file: h5py.File, name: str, references: list[h5py.Reference]) -> None:
    cells = np.empty((1, len(references)), h5py.ref_dtype)
    cells[0, :] = references
    _store(file, name, cells, "cell")


def classic_splits(p: Cuhk03, keys: list[Key], seed: int) -> list[np.ndarray]:
    """The classic protocol's test sets: `splits` draws of `split_people` rows (pair, person), float64."""
    rows = np.array(keys, np.float64)
    draws = [
        runtime.rng(seed, SET, "testsets", i).choice(len(rows), p.split_people, replace=False) for i in range(p.splits)
    ]
    return [rows[np.sort(draw)] for draw in draws]


def new_protocol_test(p: Cuhk03, keys: list[Key], seed: int) -> set[Key]:
    """The test people of the new protocol, the same for both kinds of boxes."""
    chosen = runtime.rng(seed, SET, "new protocol").choice(len(keys), p.test_people, replace=False)
    return {keys[i] for i in chosen}


def new_protocol(
    keys: list[Key], filled: dict[Key, list[int]], test: set[Key], seed: int, kind: str
) -> dict[str, np.ndarray]:
    """The six variables of a protocol file, indices 1-based; a query is one image a test person and camera, drawn."""
    rows = [(label, key, slot) for label, key in enumerate(keys, 1) for slot in filled[key]]
    query = set(_queries(keys, filled, test, seed, kind))
    parts: dict[str, list[int]] = {"query_idx": [], "gallery_idx": [], "train_idx": []}
    for number, (_, key, slot) in enumerate(rows, 1):
        part = "train_idx" if key not in test else "query_idx" if (key, slot) in query else "gallery_idx"
        parts[part].append(number)
    return {
        "camId": np.array([[slot // 5 + 1] for _, _, slot in rows], np.uint8),
        "filelist": matfile.cell([file_name(key, slot) for _, key, slot in rows], column=True),
        "labels": np.array([[label] for label, _, _ in rows], np.uint16),
        **{name: np.array(numbers, np.uint16)[:, None] for name, numbers in parts.items()},
    }


def _queries(
    keys: list[Key], filled: dict[Key, list[int]], test: set[Key], seed: int, kind: str
) -> Iterator[tuple[Key, int]]:
    for index, key in enumerate(keys):
        if key in test:
            draw = runtime.rng(seed, SET, "query", kind, index)
            for camera in (0, 1):
                yield key, int(draw.choice([slot for slot in filled[key] if slot // 5 == camera]))
