"""Market-1501 rendered in its publishers' layout: folders of 128 x 64 JPEGs, and the attributes as .mat and as CSV.

Decisions: a frame has a hand-drawn box (number 00: gt_bbox, and query for one frame a test person and camera) and a
detected box (01 on: train or test). As published, junk (-1) overlaps a person by 20 to 50 %, a distractor (0000) by
less: a false detection; some of our distractors are passers-by who are in no split. The attributes are what was
rendered. Train and test fields of market_attribute.mat stand in different orders, as in the real file.

Layout: Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015; attributes: Lin et al., "Improving
Person Re-identification by Attribute and Identity Learning", Pattern Recognition 2019.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from sanreid import runtime
from sanreid.bounds import Jitter, Share
from sanreid.params import Section
from sanreid.synthesis import body, boxes, matfile, people, process_pool, render, scene
from sanreid.synthesis.look import OFF, Look
from sanreid.synthesis.pictures import write_jpeg, write_png
from sanreid.synthesis.random_draws import RandomDraws

SET = "market1501"
RELEASE = "Market-1501-v15.09.15"
FOLDERS = ("bounding_box_train", "bounding_box_test", "query", "gt_bbox", "gt_query")
HEIGHT, WIDTH = 128, 64  # the published size of an image
RENDER_HEIGHT = 144  # a person's height in the frame; a little above the crop's, as a detector's boxes are rescaled
LAST_PID = 1501  # the publishers number their people 1 to 1501
SEQUENCES = 6
FRAME_STEP = 25  # frames between two boxes of a person: one a second
NARROWEST = 0.45  # width over height of a box before it is resized to 0.5: the detector's filter is that wide
MARGIN, STRAY_MARGIN = 0.15, 0.6  # picture around the person, in box heights; wide where a box misses the person
JUNK_OVERLAP, DISTRACTOR_OVERLAP = (0.2, 0.5), (0.02, 0.2)  # Zheng et al. 2015, section 3

THINGS = ["age", "backpack", "bag", "handbag"]
CLOTHES = ["clothes", "down", "up", "hair", "hat", "gender"]
UP = [f"up{colour}" for colour in ("black", "white", "red", "purple", "yellow", "gray", "blue", "green")]
DOWN = [f"down{c}" for c in ("black", "white", "pink", "purple", "yellow", "gray", "blue", "green", "brown")]
TRAIN_UP = [f"up{colour}" for colour in ("black", "blue", "green", "gray", "purple", "red", "white", "yellow")]
TRAIN_FIELDS = [*THINGS, *sorted(DOWN), *TRAIN_UP, *CLOTHES]  # the real file's orders, which differ
TEST_FIELDS = [*THINGS, *CLOTHES, *UP, *DOWN]
CSV_FIELDS = TEST_FIELDS


class Market1501(Section):
    """How many people, cameras, pictures and stray boxes."""

    train_people: Annotated[int, Field(ge=1, le=LAST_PID)]
    test_people: Annotated[int, Field(ge=1, le=LAST_PID)]
    cameras: Annotated[int, Field(ge=2, le=6)]
    cameras_a_person: tuple[Annotated[int, Field(ge=2, le=6)], Annotated[int, Field(ge=2, le=6)]]
    frames_a_camera: tuple[Annotated[int, Field(ge=1, le=1000)], Annotated[int, Field(ge=1, le=1000)]]
    distractors: Annotated[int, Field(ge=0, le=39_999)]
    passer_by_share: Share
    junk: Annotated[int, Field(ge=0, le=39_999)]
    tight: Jitter
    jitter: Jitter
    cut_share: Share
    look_alike_share: Share

    @model_validator(mode="after")
    def _fits(self) -> Self:
        low, high = self.cameras_a_person
        if not 2 <= low <= high <= self.cameras:
            raise ValueError(f"cameras_a_person: {low} to {high} is not within 2 to cameras = {self.cameras}")
        if self.frames_a_camera[0] > self.frames_a_camera[1]:
            raise ValueError(f"frames_a_camera: {self.frames_a_camera[0]} is above {self.frames_a_camera[1]}")
        if self.train_people + self.test_people > LAST_PID:
            raise ValueError(f"train_people + test_people: at most {LAST_PID}, the published count")
        return self


class Shot(NamedTuple):
    """What to render: a person of a split, or the `number`-th stray box."""

    kind: str  # train | test | junk | distractor
    number: int  # pid, or the count of the stray box from 0

    def __str__(self) -> str:
        return f"{self.number} ({self.kind})"


@dataclass(frozen=True)
class Job:
    """What a worker needs to render any shot of the set."""

    folder: Path
    p: Market1501
    pids: tuple[int, ...]  # train, then test; neighbours here are neighbours in looks, for look-alikes
    seed: int
    backgrounds: Path | None
    look: Look

    def person(self, pid: int) -> people.Person:
        """The person that has the id `pid` in the set."""
        return people.make(
            self.seed, SET, self.pids.index(pid), look_alike_share=self.p.look_alike_share, dressed=self.look.worn
        )


def publish(
    folder: Path, p: Market1501, *, seed: int, processes: int, backgrounds: Path | None, look: Look = OFF
) -> None:
    """Write the release, attribute/ and truth/ into `folder`."""
    for name in (*(f"{RELEASE}/{f}" for f in FOLDERS), "attribute", "truth/textures", "truth/visibility"):
        (folder / name).mkdir(parents=True)
    write_png(folder / "truth" / "coverage.png", body.coverage())
    train, test = draw_pids(p, seed)
    shots = [Shot("train", pid) for pid in train] + [Shot("test", pid) for pid in test]
    shots += [Shot("junk", i) for i in range(p.junk)] + [Shot("distractor", i) for i in range(p.distractors)]
    work = partial(render_shot, Job(folder, p, tuple(train + test), seed, backgrounds, look))
    attributes = dict(zip(shots, process_pool.run(work, shots, processes=processes, title=SET), strict=True))
    by_pid = [{pid: attributes[Shot(kind, pid)] for pid in pids} for kind, pids in (("train", train), ("test", test))]
    write_attributes(folder / "attribute", *by_pid)
    write_ground_truth(folder / RELEASE)


def draw_pids(p: Market1501, seed: int) -> tuple[list[int], list[int]]:
    """Train and test people, disjoint, sorted, with gaps in both, out of 1 to 1501."""
    count = p.train_people + p.test_people
    pids = runtime.rng(seed, SET, "pids").choice(LAST_PID, count, replace=False) + 1
    return sorted(pids[: p.train_people].tolist()), sorted(pids[p.train_people :].tolist())


def render_shot(job: Job, shot: Shot) -> Mapping[str, int]:
    """Write the pictures of one shot; return the attributes of its person."""
    if shot.kind in ("train", "test"):
        return render_person(job, shot)
    return render_stray(job, shot)


def render_person(job: Job, shot: Shot) -> Mapping[str, int]:
    """Write all pictures of a person of a split, and the person's truth."""
    p, pid, release, truth = job.p, shot.number, job.folder / RELEASE, job.folder / "truth"
    person = job.person(pid)
    write_png(truth / "textures" / f"{pid:04d}.png", person.texture)
    draw = runtime.rng(job.seed, SET, pid, "walk")
    count = int(draw.integers(p.cameras_a_person[0], p.cameras_a_person[1] + 1))
    for camid in sorted((draw.permutation(p.cameras)[:count] + 1).tolist()):
        frames = int(draw.integers(p.frames_a_camera[0], p.frames_a_camera[1] + 1))
        sequence, first = int(draw.integers(1, SEQUENCES + 1)), int(draw.integers(1, 90_000))
        asked = int(draw.integers(frames))  # the frame whose hand-drawn box is the query
        for k in range(frames):
            if k and draw.random() < 0.3:  # the person comes by again, in a later recording
                sequence, first = sequence % SEQUENCES + 1, int(draw.integers(1, 90_000))
            name = f"{pid:04d}_c{camid}s{sequence}_{first + k * FRAME_STEP:06d}"
            dice = runtime.rng(job.seed, SET, pid, camid, k)
            camera = scene.reid_cameras(SET, job.seed, p.cameras, job.backgrounds, job.look.clutter.scenes)[camid - 1]
            levers = {"look": job.look, "dice": RandomDraws(job.seed, (SET, camid), (SET, pid, camid, k))}
            view = render.view(person, camera, dice, height=RENDER_HEIGHT, margin=MARGIN, **levers)
            person_box = boxes.widen(view.box, NARROWEST)
            tight = boxes.jitter(person_box, dice, p.tight)
            loose = boxes.jitter(person_box, dice, p.jitter)
            if dice.random() < p.cut_share:
                loose = boxes.cut(loose, dice)
            drawn, drawn_visibility = view.crop(boxes.pixels(tight), size=(HEIGHT, WIDTH))
            found, found_visibility = view.crop(boxes.pixels(loose), size=(HEIGHT, WIDTH))
            hand, detected = f"{name}_00", f"{name}_{int(dice.integers(1, 6)):02d}"
            write_jpeg(release / "gt_bbox" / f"{hand}.jpg", drawn, view.jpeg_quality)
            write_jpeg(release / f"bounding_box_{shot.kind}" / f"{detected}.jpg", found, view.jpeg_quality)
            write_png(truth / "visibility" / f"{detected}.png", found_visibility)
            if shot.kind == "test" and k == asked:
                write_jpeg(release / "query" / f"{hand}.jpg", drawn, view.jpeg_quality)
                write_png(truth / "visibility" / f"{hand}.png", drawn_visibility)
    return person.attributes


def render_stray(job: Job, shot: Shot) -> Mapping[str, int]:
    """Write one junk or distractor box into bounding_box_test."""
    p = job.p
    draw = runtime.rng(job.seed, SET, shot.kind, shot.number)
    passer_by = shot.kind == "distractor" and draw.random() < p.passer_by_share
    camid = int(draw.integers(1, p.cameras + 1))
    camera = scene.reid_cameras(SET, job.seed, p.cameras, job.backgrounds, job.look.clutter.scenes)[camid - 1]
    levers = {"look": job.look, "dice": RandomDraws(job.seed, (SET, camid), (SET, shot.kind, shot.number))}
    if passer_by:
        person = people.make(job.seed, f"{SET} passer-by", shot.number, dressed=job.look.worn)
        view = render.view(person, camera, draw, height=RENDER_HEIGHT, margin=MARGIN, **levers)
        box = boxes.jitter(boxes.widen(view.box, NARROWEST), draw, p.jitter)
    else:
        person = job.person(job.pids[int(draw.integers(len(job.pids)))])
        view = render.view(person, camera, draw, height=RENDER_HEIGHT, margin=STRAY_MARGIN, **levers)
        limits = JUNK_OVERLAP if shot.kind == "junk" else DISTRACTOR_OVERLAP
        box = boxes.astray(view.box, draw, *limits, view.image.shape[:2])
    picture, _ = view.crop(boxes.pixels(box), size=(HEIGHT, WIDTH))
    pid_text = "-1" if shot.kind == "junk" else "0000"
    # the count in the frame number keeps names apart, for all strays of a kind share their pid
    name = f"{pid_text}_c{camid}s{int(draw.integers(1, SEQUENCES + 1))}_{1 + shot.number * FRAME_STEP:06d}"
    name += f"_{int(draw.integers(1, 6)):02d}.jpg"
    write_jpeg(job.folder / RELEASE / "bounding_box_test" / name, picture, view.jpeg_quality)
    return person.attributes


def write_attributes(folder: Path, train: dict[int, Mapping[str, int]], test: dict[int, Mapping[str, int]]) -> None:
    """Write market_attribute.mat (both splits) and annotations_train.csv (train) from attributes by pid."""
    splits = {"test": _fields(test, TEST_FIELDS), "train": _fields(train, TRAIN_FIELDS)}
    matfile.write_v5(folder / "market_attribute.mat", {"market_attribute": splits})
    lines = [",".join(["id", *CSV_FIELDS])]
    lines += [",".join([f"{pid:04d}", *(str(a[name]) for name in CSV_FIELDS)]) for pid, a in train.items()]
    (folder / "annotations_train.csv").write_text("\n".join(lines) + "\n")


def _fields(split: dict[int, Mapping[str, int]], order: list[str]) -> dict[str, np.ndarray]:
    values = {name: np.array([[a[name] for a in split.values()]], np.uint8) for name in order}
    return {**values, "image_index": matfile.cell([f"{pid:04d}" for pid in split], column=False)}


def write_ground_truth(release: Path) -> None:
    """Write gt_query: for each query the 1-based places of good and junk pictures in the sorted bounding_box_test.

    Good is the same person under another camera; junk the same person under the same camera, and every -1.
    """
    gallery = [path.name.split("_")[:2] for path in sorted((release / "bounding_box_test").iterdir())]
    for query in sorted((release / "query").iterdir()):
        pid, camera = query.stem.split("_")[:2]
        same = [i for i, (other, _) in enumerate(gallery, 1) if other == pid]
        good = [i for i in same if gallery[i - 1][1][:2] != camera[:2]]
        junk = sorted({*same} - {*good} | {i for i, (other, _) in enumerate(gallery, 1) if other == "-1"})
        for name, numbers in (("good", good), ("junk", junk)):
            values = np.array([numbers], np.uint16).reshape(1, -1)
            matfile.write_v5(release / "gt_query" / f"{query.stem}_{name}.mat", {f"{name}_index": values})
