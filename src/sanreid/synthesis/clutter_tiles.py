"""Image tiles of clutter: on the ground litter, grass, gravel, slabs; in the background foliage and street fronts.

Decisions: a picture of the world has detail at every scale, and the model that gives it (dead leaves: Lee, Mumford,
Huang, IJCV 2001) is things laid over things, their sizes by a power law. Patches of light and shade, some with hard
edges as under trees, lie over them. Tiles are drawn once a process from streams of their own and repeat without a seam.
"""

from functools import lru_cache

import cv2
import numpy as np

from sanreid.runtime import rng as stream_of

SIDE = 384  # pixels of a tile
PER_METRE = 75.0  # pixels
COUNT = 12  # tiles of the ground, and as many of what stands
Colour = tuple[float, ...]
# Mean colour, deviation of brightness (logarithmic), things, their smallest and largest half axis in pixels, slimness.
GROUNDS = (
    ((0.42, 0.28, 0.18), 0.55, 9000, (1.2, 4.5), 0.6),  # litter
    ((0.34, 0.42, 0.20), 0.45, 12000, (1.0, 3.0), 0.3),  # grass
    ((0.50, 0.48, 0.45), 0.35, 9000, (1.0, 3.5), 0.7),  # gravel
    ((0.55, 0.54, 0.52), 0.20, 2500, (0.8, 3.0), 0.7),  # slabs
)
FOLIAGE = ((0.22, 0.30, 0.15), 0.65, 7000, (1.3, 9.0), 0.55)


@lru_cache(maxsize=COUNT)
def lying(number: int) -> np.ndarray:
    """A tile (384, 384, 3) uint8 of ground."""
    rng = stream_of(0, "clutter", "ground", number)
    kind = number % len(GROUNDS)
    tile = _leaves(rng, *GROUNDS[kind])
    if kind == 3:
        pitch = int(rng.choice([24, 32, 48]))
        for at in range(0, SIDE, pitch):
            shade = _bytes(rng.uniform(0.15, 0.35) * np.ones(3))
            tile[at : at + 2], tile[:, at : at + 1] = shade, shade
    return _lit(tile, rng)


@lru_cache(maxsize=COUNT)
def standing(number: int) -> np.ndarray:
    """A tile (384, 384, 3) uint8 of what stands behind: foliage, or a front of windows, boards, posts and writing."""
    rng = stream_of(0, "clutter", "behind", number)
    return _lit(_leaves(rng, *FOLIAGE) if number % 3 == 0 else _front(rng), rng)


def _bytes(colour: np.ndarray) -> Colour:
    return tuple(float(v) for v in np.clip(colour * 255, 4, 250))


def _leaves(
    rng: np.random.Generator,
    colour: Colour,
    spread: float,
    count: int,
    sizes: tuple[float, float],
    slim: float,
) -> np.ndarray:
    """Ellipses over ellipses."""
    base = np.array(colour) * rng.uniform(0.75, 1.25) + rng.normal(0, 0.02, 3)
    tile = np.empty((SIDE, SIDE, 3), np.uint8)
    tile[:] = _bytes(base * 0.6)
    smallest, largest = sizes
    halves = (smallest**-2 + rng.random(count) * (largest**-2 - smallest**-2)) ** -0.5  # as many as the inverse cube
    tones = base * np.exp(rng.normal(0, spread, (count, 1))) * (1 + 0.35 * spread * rng.standard_normal((count, 3)))
    places, angles = rng.uniform(0, SIDE, (count, 2)), rng.uniform(0, 180, count)
    axes = np.maximum(1, np.rint(np.column_stack([halves, halves * slim]))).astype(int).tolist()
    inks = np.clip(tones * 255, 4, 250).tolist()  # as _bytes, for all at once: a call a leaf took half of the time
    halves, angles, places = halves.tolist(), angles.tolist(), places.tolist()
    for (x, y), half, axis, angle, ink in zip(places, halves, axes, angles, inks, strict=True):
        for left in _sides(x, half):
            for top in _sides(y, half):
                cv2.ellipse(tile, (round(x + left), round(y + top)), axis, angle, 0, 360, ink, -1)
    return tile


def _sides(place: float, half: float) -> tuple[int, ...]:
    """Where a thing at `place` is drawn, so that it goes on at the other side of the tile."""
    if place < half:
        return (0, SIDE)
    return (0, -SIDE) if place > SIDE - half else (0,)


def _front(rng: np.random.Generator) -> np.ndarray:
    """Panes, boards and boxes over one another, the large ones first, then posts and lines of writing."""
    tile = np.empty((SIDE, SIDE, 3), np.uint8)
    tile[:] = _bytes(rng.uniform(0.15, 0.7) + rng.normal(0, 0.03, 3))
    for half in np.sort(np.exp(rng.uniform(np.log(4), np.log(90), 170)))[::-1]:
        x, y = (int(v) for v in rng.uniform(-20, SIDE, 2))
        wide, tall = int(half * rng.uniform(0.3, 1.2)) + 1, int(half * rng.uniform(0.5, 1.6)) + 1
        vivid = 0.2 if rng.random() < 0.2 else 0.03
        shade = _bytes(rng.beta(0.6, 0.8) + rng.normal(0, vivid, 3))
        cv2.rectangle(tile, (x, y), (x + wide, y + tall), shade, -1)
        kind = rng.random()
        if kind < 0.35:  # a frame
            cv2.rectangle(tile, (x, y), (x + wide, y + tall), _bytes(rng.random() * np.ones(3)), 1 + int(half > 30))
        elif kind < 0.6:  # panes, slats or shelves
            step, other = int(rng.integers(4, 16)), _bytes(rng.random() * np.ones(3))
            for k in range(0, tall if rng.random() < 0.5 else 0, step):
                cv2.line(tile, (x, y + k), (x + wide, y + k), other, 1)
            for k in range(0, wide, step):
                cv2.line(tile, (x + k, y), (x + k, y + tall), other, 1)
        elif kind < 0.8:  # writing
            ink = _bytes(rng.random() * np.ones(3))
            for row in range(3, tall - 3, 6):
                for k in np.flatnonzero(rng.random(max(0, wide - 6)) < 0.45):
                    cv2.line(tile, (x + 3 + int(k), y + row), (x + 3 + int(k), y + row + int(rng.integers(1, 4))), ink)
    for _ in range(10):  # posts, pipes, cables
        x, shade = int(rng.uniform(0, SIDE)), _bytes(rng.beta(0.6, 0.6) + rng.normal(0, 0.03, 3))
        cv2.line(tile, (x, 0), (x, SIDE), shade, int(rng.integers(1, 8)))
    return tile


def _lit(tile: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The tile in patches of light and shade."""
    light = np.zeros((SIDE, SIDE), np.float32)
    for cells, strength in ((4, 0.25), (12, 0.2)):
        coarse = np.pad(rng.standard_normal((cells, cells)).astype(np.float32), 2, mode="wrap")
        edge = 2 * SIDE // cells
        whole = cv2.resize(coarse, None, fx=SIDE / cells, fy=SIDE / cells, interpolation=cv2.INTER_CUBIC)
        light += strength * whole[edge : edge + SIDE, edge : edge + SIDE]
    if rng.random() < 0.5:  # under trees
        light = 0.4 * light + 0.8 * np.clip(8 * light, -0.5, 0.5)
    return np.clip(tile * np.exp(light)[..., None], 0, 255).astype(np.uint8)
