"""Street furniture and passers-by as flat pictures with transparency, behind a person or in front.

Decisions: a prop is a handful of shapes in metres, which at surveillance size is enough to read as a bicycle or a
hedge; each is drawn in some variants once a process and scaled from then on. Passers-by are rendered people from a
stream of their own, the same in every process, so they are nobody in any data set.
"""

import math
from functools import lru_cache

import cv2
import numpy as np

from sanreid.runtime import rng as stream_of
from sanreid.synthesis import figure, people, pose
from sanreid.synthesis.canvas import Colour, Sketch

PASSERS_BY, PASSER_VIEWS = 8, 3
VARIANTS = 24  # of each prop
SCALE = 110.0  # pixels a metre at which variants are drawn


def _tone(rng: np.random.Generator, low: float, high: float, tint: float = 0.03) -> Colour:
    red, green, blue = np.clip(rng.uniform(low, high) + rng.normal(0, tint, 3), 0.02, 0.95)
    return float(red), float(green), float(blue)


def _times(colour: Colour, factor: float) -> Colour:
    return min(1.0, colour[0] * factor), min(1.0, colour[1] * factor), min(1.0, colour[2] * factor)


def _paint(rng: np.random.Generator) -> Colour:
    """A colour as vehicles and signs have: mostly grey, some red, blue, green, yellow."""
    vivid: list[Colour] = [(0.6, 0.1, 0.1), (0.1, 0.2, 0.5), (0.1, 0.35, 0.2), (0.75, 0.6, 0.1)]
    return vivid[int(rng.integers(4))] if rng.random() < 0.4 else _tone(rng, 0.08, 0.85)


def pole(rng: np.random.Generator, scale: float) -> np.ndarray:
    """A lamp post or the trunk of a tree, 3 m of it."""
    width = rng.uniform(0.08, 0.24)
    sketch, colour = Sketch(width, 3.2, scale), _tone(rng, 0.2, 0.6)
    if width > 0.17:
        colour = (0.32, 0.25, 0.18)
    for i in range(8):
        strip = [(width * i / 8, 0), (width * (i + 1) / 8, 0), (width * (i + 1) / 8, 3.2), (width * i / 8, 3.2)]
        sketch.polygon(strip, _times(colour, 0.65 + 0.5 * math.sin(math.pi * (i + 0.5) / 8)))
    return sketch.finish(rng, 0.08)


def railing(rng: np.random.Generator, scale: float) -> np.ndarray:
    """A metal barrier, 3 m wide."""
    height, colour, gap = rng.uniform(0.8, 1.1), _tone(rng, 0.3, 0.8), rng.uniform(0.1, 0.3)
    sketch = Sketch(3.0, height + 0.05, scale)
    for x in np.arange(0.05, 3.0, gap):
        sketch.line([(x, 0.12), (x, height)], _times(colour, 0.85), 0.018)
    for x in (0.1, 1.5, 2.9):
        sketch.line([(x, 0), (x, height)], colour, 0.045)
    sketch.line([(0, height), (3, height)], _times(colour, 1.1), 0.05)
    sketch.line([(0, 0.12), (3, 0.12)], colour, 0.03)
    return sketch.finish(rng)


def bicycle(rng: np.random.Generator, scale: float) -> np.ndarray:
    """A parked bicycle."""
    sketch, frame, dark = Sketch(1.8, 1.1, scale), _paint(rng), (0.06, 0.06, 0.06)
    for x in (0.36, 1.42):
        sketch.ellipse((x, 0.34), (0.32, 0.32), dark, 0.035)
        for angle in np.linspace(0, math.pi, 6, endpoint=False):
            across, up = 0.32 * math.cos(angle), 0.32 * math.sin(angle)
            sketch.line([(x - across, 0.34 - up), (x + across, 0.34 + up)], (0.5, 0.5, 0.5), 0.006)
    pedal, seat, head = (0.82, 0.3), (0.68, 0.82), (1.26, 0.85)
    sketch.line([(0.36, 0.34), pedal, seat, (0.36, 0.34)], frame, 0.03)
    sketch.line([pedal, head, seat], frame, 0.035)
    sketch.line([(1.42, 0.34), head, (1.24, 1.0)], frame, 0.03)
    sketch.line([(1.1, 1.03), (1.24, 1.0), (1.36, 1.04)], dark, 0.03)
    sketch.line([(0.55, 0.88), (0.8, 0.88)], dark, 0.06)
    if rng.random() < 0.5:
        sketch.polygon([(1.3, 0.72), (1.68, 0.72), (1.72, 1.0), (1.28, 1.0)], (0.35, 0.3, 0.25))  # a basket
    return sketch.finish(rng)


def car(rng: np.random.Generator, scale: float) -> np.ndarray:
    """A parked car from its side."""
    sketch, colour, glass = Sketch(4.3, 1.5, scale), _paint(rng), (0.12, 0.14, 0.16)
    outline = [(0.05, 0.3), (0.02, 0.75), (0.25, 0.9), (1.0, 0.98), (1.5, 1.42), (2.9, 1.46), (3.6, 1.0), (4.2, 0.88)]
    sketch.polygon([*outline, (4.28, 0.5), (4.2, 0.28)], colour)
    sketch.polygon([(0.05, 0.3), (4.2, 0.28), (4.26, 0.5), (0.04, 0.5)], _times(colour, 0.7))
    sketch.polygon([(1.15, 0.98), (1.56, 1.36), (2.15, 1.38), (2.15, 0.98)], glass)
    sketch.polygon([(2.22, 0.98), (2.22, 1.38), (2.85, 1.38), (3.4, 0.99)], glass)
    sketch.line([(1.2, 1.0), (1.5, 1.28)], (0.45, 0.5, 0.55), 0.05)
    sketch.line([(2.19, 0.32), (2.19, 0.95)], _times(colour, 0.6), 0.015)
    sketch.line([(0.1, 0.88), (4.1, 0.86)], _times(colour, 1.25), 0.03)
    sketch.ellipse((0.15, 0.72), (0.1, 0.06), (0.85, 0.82, 0.7))
    sketch.ellipse((4.2, 0.75), (0.05, 0.09), (0.6, 0.05, 0.05))
    for x in (0.85, 3.45):
        sketch.ellipse((x, 0.32), (0.34, 0.32), (0.05, 0.05, 0.05))
        sketch.ellipse((x, 0.32), (0.19, 0.19), (0.5, 0.5, 0.52))
        sketch.ellipse((x, 0.32), (0.06, 0.06), (0.15, 0.15, 0.15))
    return sketch.finish(rng, 0.02)


def bush(rng: np.random.Generator, scale: float) -> np.ndarray:
    """A shrub or a piece of hedge."""
    width, height = rng.uniform(0.8, 2.2), rng.uniform(0.6, 1.3)
    sketch, green = Sketch(width, height, scale), np.array([0.16, 0.28, 0.1]) * rng.uniform(0.6, 1.3)
    leaves = int(330 * width * height)
    x = width / 2 + (width / 2 - 0.1) * rng.uniform(-1, 1, leaves)
    top = (height - 0.08) * np.sqrt(np.clip(1 - ((x - width / 2) / (width / 2)) ** 4, 0, 1))
    y = top * np.sqrt(rng.random(leaves))
    for i in np.argsort(y + rng.normal(0, 0.15, leaves))[::-1]:
        red, blade, blue = np.clip(green * rng.uniform(0.5, 1.5) * (0.55 + 0.6 * y[i] / height), 0, 1)
        half = rng.uniform(0.02, 0.06), rng.uniform(0.02, 0.045)
        sketch.ellipse((x[i], y[i]), half, (float(red), float(blade), float(blue)))
    return sketch.finish(rng, 0.1)


def bin_(rng: np.random.Generator, scale: float) -> np.ndarray:
    """A litter or wheeled bin."""
    width, height, colour = rng.uniform(0.45, 0.75), rng.uniform(0.85, 1.15), _paint(rng)
    sketch, inset, rim = Sketch(width, height, scale), 0.06, height - 0.1
    foot, corner = inset + 0.04, 0.62 * width
    sketch.polygon([(foot, 0), (width - foot, 0), (width - inset, rim), (inset, rim)], colour)
    sketch.polygon([(corner, 0), (width - foot, 0), (width - inset, rim), (corner, rim)], _times(colour, 0.75))
    lid = [(0, rim - 0.02), (width, rim - 0.02), (width * 0.92, height), (width * 0.08, height)]
    sketch.polygon(lid, _times(colour, 1.15))
    sketch.line([(inset, rim - 0.06), (width - inset, rim - 0.06)], _times(colour, 0.5), 0.03)
    for x in (0.2, 0.8):
        sketch.ellipse((width * x, 0.06), (0.06, 0.06), (0.05, 0.05, 0.05))
    return sketch.finish(rng)


def bollard(rng: np.random.Generator, scale: float) -> np.ndarray:
    """A bollard with a light band."""
    sketch, colour = Sketch(0.22, 0.95, scale), _tone(rng, 0.15, 0.6)
    sketch.polygon([(0.03, 0), (0.19, 0), (0.19, 0.88), (0.11, 0.95), (0.03, 0.88)], colour)
    sketch.polygon([(0.13, 0), (0.19, 0), (0.19, 0.88), (0.13, 0.93)], _times(colour, 0.7))
    sketch.polygon([(0.03, 0.7), (0.19, 0.7), (0.19, 0.8), (0.03, 0.8)], (0.8, 0.78, 0.7))
    return sketch.finish(rng)


def sign(rng: np.random.Generator, scale: float) -> np.ndarray:
    """A road sign or notice board on a post."""
    sketch, colour = Sketch(0.8, 2.5, scale), _paint(rng)
    sketch.line([(0.4, 0), (0.4, 2.4)], (0.45, 0.45, 0.46), 0.06)
    if rng.random() < 0.5:
        sketch.ellipse((0.4, 2.1), (0.32, 0.32), (0.85, 0.85, 0.85))
        sketch.ellipse((0.4, 2.1), (0.3, 0.3), colour, 0.07)
    else:
        sketch.polygon([(0.05, 1.6), (0.75, 1.6), (0.75, 2.4), (0.05, 2.4)], colour)
        for y in (1.8, 1.95, 2.1):
            sketch.line([(0.15, y), (0.65, y)], (0.85, 0.85, 0.85), 0.04)
    return sketch.finish(rng)


@lru_cache(maxsize=1)
def _passers_by() -> list[np.ndarray]:
    """Rendered strangers (h, w, 4), 220 pixels tall."""
    pictures = []
    for i in range(PASSERS_BY):
        person = people.make(0, "passers-by", i)
        views = range(PASSER_VIEWS)
        pictures += [photographed(person, stream_of(0, "passers-by", i, k), k, PASSER_VIEWS) for k in views]
    return pictures


def photographed(person: people.Person, rng: np.random.Generator, view: int, views: int) -> np.ndarray:
    """A person (h, w, 4) float32 with transparency, 220 pixels tall, from the `view`-th of `views` sides."""
    light = np.array([rng.normal(), rng.normal(), 1.2])
    drawn = figure.draw(
        person,
        pose.sample(rng, person.limits()),
        height=220,
        margin=0.02,
        azimuth=2 * math.pi * (view + rng.random()) / views,
        camera_height=2.8,
        distance=8,
        light=light / np.linalg.norm(light),
        ambient=0.55,
        diffuse=0.45,
    )
    alpha = (drawn.triangle >= 0).astype(np.float32)
    picture = np.dstack([drawn.colour * alpha[..., None], alpha])
    small = cv2.resize(picture, drawn.size[::-1], interpolation=cv2.INTER_AREA)
    small[..., :3] /= np.maximum(small[..., 3:], 1e-4)
    return np.clip(small, 0, 1)


def passer_by(rng: np.random.Generator, scale: float) -> np.ndarray:
    """Another pedestrian, about 1.7 m tall."""
    pictures = _passers_by()
    picture = pictures[int(rng.integers(len(pictures)))]
    tall = max(8, round(1.7 * scale * rng.uniform(0.92, 1.08)))
    size = max(4, round(picture.shape[1] * tall / picture.shape[0])), tall
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if tall < picture.shape[0] else cv2.INTER_LINEAR)


DRAWN = {
    "pole": pole,
    "railing": railing,
    "bicycle": bicycle,
    "car": car,
    "bush": bush,
    "bin": bin_,
    "bollard": bollard,
    "sign": sign,
    "passer_by": passer_by,
}


@lru_cache(maxsize=len(DRAWN) * VARIANTS)
def _variant(kind: str, number: int) -> np.ndarray:
    """A prop drawn once a process, SCALE pixels a metre."""
    return DRAWN[kind](stream_of(0, "prop", kind, number), SCALE)


def draw(kind: str, rng: np.random.Generator, scale: float) -> np.ndarray:
    """A prop of a kind of `DRAWN` at `scale` pixels a metre: (h, w, 4) float32, standing on its lower edge."""
    picture = _variant(kind, int(rng.integers(VARIANTS)))
    zoom = scale / SCALE
    size = max(2, round(picture.shape[1] * zoom)), max(2, round(picture.shape[0] * zoom))
    picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    return picture[:, ::-1].copy() if rng.random() < 0.5 else picture
