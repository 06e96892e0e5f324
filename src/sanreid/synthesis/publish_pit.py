"""PIT, the paired image-texture set, rendered in its publisher's layout, with frontal pictures and visibility maps.

Decisions: every image of a texture shows the same person under another camera, pose and body shape (a few shapes a
person: a new one costs as much as two renders). Ours, beside the published folders: `frontal/` (a pose-aligned frontal
image a texture), `visibility/` (the texels each image shows), `coverage.png` (the texels that exist) and
`uv_mirror.npy` (the texel that mirrors each one left-right).

Layout: Jin et al., "Semantics-Aligned Representation Learning for Person Re-identification", AAAI 2020, section 3.
"""

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from sanreid import runtime
from sanreid.bounds import Jitter, Share
from sanreid.params import Section
from sanreid.synthesis import body, boxes, people, process_pool, render, scene
from sanreid.synthesis.look import OFF, Look
from sanreid.synthesis.pictures import write_jpeg, write_png
from sanreid.synthesis.random_draws import RandomDraws

SET = "pit"
HEIGHT, WIDTH = 256, 128  # the published size of an image
MARGIN = 0.2  # picture around the person, in box heights: a wide stride makes the box higher than the person


class Pit(Section):
    """How many textures and pictures, and how they are taken."""

    people: Annotated[int, Field(ge=1, le=99_999)]
    images: Annotated[int, Field(ge=1, le=1000)]
    shapes: Annotated[int, Field(ge=1, le=1000)]
    cameras: Annotated[int, Field(ge=1, le=1000)]
    look_alike_share: Share
    jitter: Jitter


@dataclass(frozen=True)
class Job:
    """What a worker needs to render any person of the set."""

    folder: Path
    p: Pit
    seed: int
    backgrounds: Path | None
    look: Look


def publish(folder: Path, p: Pit, *, seed: int, processes: int, backgrounds: Path | None, look: Look = OFF) -> None:
    """Write the set into `folder`: images, GT_texture, image-texture-label, frontal, visibility and the two UV maps."""
    for name in ("images", "GT_texture", "image-texture-label", "frontal", "visibility"):
        (folder / name).mkdir(parents=True)
    write_png(folder / "coverage.png", body.coverage())
    np.save(folder / "uv_mirror.npy", body.uv_mirror())
    work = partial(render_person, Job(folder, p, seed, backgrounds, look))
    rendered = process_pool.run(work, range(p.people), processes=processes, title=SET)
    lines = [line for lines in rendered for line in lines]
    (folder / "image-texture-label" / "label.txt").write_text("".join(line + "\n" for line in lines))


def render_person(job: Job, index: int) -> list[str]:
    """Write all files of texture `index`; return its lines of label.txt."""
    p, folder = job.p, job.folder
    person = people.make(job.seed, SET, index, look_alike_share=p.look_alike_share, dressed=job.look.worn)
    texture = f"{index:05d}.png"
    write_png(folder / "GT_texture" / texture, person.texture)
    write_png(folder / "frontal" / texture, render.frontal(person, size=(HEIGHT, WIDTH)))
    seen_from = cameras(job.seed, p.cameras, job.backgrounds, job.look.clutter.scenes)
    lines = []
    for k in range(p.images):
        draw = runtime.rng(job.seed, SET, index, "image", k)
        number = int(draw.integers(len(seen_from)))
        levers = {"look": job.look, "dice": RandomDraws(job.seed, (SET, number), (SET, index, k))}
        shape, camera = int(draw.integers(p.shapes)), seen_from[number]
        view = render.view(person, camera, draw, height=HEIGHT, shape_key=shape, margin=MARGIN, **levers)
        box = boxes.to_aspect(boxes.jitter(view.box, draw, p.jitter), WIDTH / HEIGHT)
        picture, visibility = view.crop(boxes.pixels(box), size=(HEIGHT, WIDTH))
        stem = f"{index * p.images + k:05d}"
        write_jpeg(folder / "images" / f"{stem}.jpg", picture, view.jpeg_quality)
        write_png(folder / "visibility" / f"{stem}.png", visibility)
        lines.append(f"{stem}.jpg {texture}")
    return lines


@cache
def cameras(seed: int, count: int, backgrounds: Path | None, scenes: int = scene.SCENES) -> list[scene.Camera]:
    """The set's cameras; each process builds them once (their backgrounds are too large to send)."""
    return scene.cameras("pit", seed, count, backgrounds, scenes)
