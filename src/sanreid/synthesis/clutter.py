"""The clutter behind people in photographs: leaves, grass, gravel, shop fronts and writing; shadows on the ground.

Decisions: a picture of the world has detail at every scale, and the model that gives it (dead leaves: Lee, Mumford,
Huang, IJCV 2001) is things laid over things with sizes by a power law. Ground is laid down in perspective, what stands
behind is upright. Tiles are drawn once a process from streams of their own and repeat without a seam; a picture takes a
part of one at a scale of its own. The person's own shadow is its outline sheared onto the ground.
"""

from functools import lru_cache
from typing import Annotated

import cv2
import numpy as np
from pydantic import Field

from sanreid.bounds import Share
from sanreid.params import Section
from sanreid.runtime import rng as stream_of
from sanreid.synthesis.dice import Dice

TILE = 384  # pixels of a tile's side
PER_METRE = 75.0  # pixels of a tile
TILES = 12  # of the ground, and as many of what stands
GROUNDS = {
    "litter": ((0.42, 0.27, 0.16), 0.5, 1200, (2.5, 9.0)),
    "grass": ((0.30, 0.40, 0.18), 0.35, 2400, (1.2, 6.0)),
    "gravel": ((0.50, 0.48, 0.45), 0.3, 1800, (1.5, 8.0)),
    "paving": ((0.55, 0.54, 0.52), 0.12, 260, (2.0, 14.0)),
}  # mean colour, spread of brightness (logarithmic), things, their smallest and largest half axis in pixels


class Clutter(Section):
    """How much stands and lies around; at 0, and at two scenes, a lever is off."""

    scenes: Annotated[int, Field(ge=2, le=100)]
    ground_share: Share
    behind_share: Share
    strength: tuple[Share, Share]
    shadow_share: Share


def lay(picture: np.ndarray, p: Clutter, dice: Dice, *, feet: float, height: int, camera_height: float) -> None:
    """Lay ground and things into the surroundings (H, W, 3) float32, in place; feet (row), height: of the person."""
    if not (p.ground_share or p.behind_share):
        return
    stream = dice.stream("clutter")
    border = feet - height * stream.uniform(0.05, 1.3)  # where ground and wall meet
    row = int(np.clip(border, 0, picture.shape[0]))
    scale = height / 1.7 / PER_METRE
    if row > 0 and dice.falls("behind", p.behind_share):
        zoom = 1 / (scale * stream.uniform(0.4, 1.0))
        turn, left, top = stream.normal(0, 0.02), stream.uniform(0, TILE), stream.uniform(0, TILE)
        matrix = np.array([[zoom, turn, left], [-turn, zoom, top]])
        _blend(picture[:row], _standing(int(stream.integers(TILES))), matrix, p, dice, "wall")
    if row < picture.shape[0] and dice.falls("ground", p.ground_share):
        horizon = min(feet - height * camera_height / 1.7, row - 0.15 * height)
        stretch = PER_METRE * 1.7 * camera_height / 1.7 / height * (feet - horizon)  # tile pixels at the feet's depth
        tile = _lying(int(stream.integers(TILES)))
        middle, left, top = picture.shape[1] / 2, stream.uniform(0, TILE), stream.uniform(0, TILE)
        # a point (x, y) of the picture lies at depth ~ 1 / (y - horizon), aside ~ (x - middle) / (y - horizon)
        aside = (feet - horizon) / scale
        away = np.array([[aside, left, -aside * middle - left * (horizon - row)], [0, top, 0], [0, 1, row - horizon]])
        away[1] = [0, top, top * (row - horizon) + 2.2 * stretch * (feet - horizon) / max(camera_height, 1)]
        part = picture[row:]
        warped = cv2.warpPerspective(
            tile, away, part.shape[1::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_WRAP
        )
        _mix(part, warped, p, dice, "floor")


def _blend(part: np.ndarray, tile: np.ndarray, matrix: np.ndarray, p: Clutter, dice: Dice, name: str) -> None:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(tile, matrix, part.shape[1::-1], flags=flags, borderMode=cv2.BORDER_WRAP)
    _mix(part, warped, p, dice, name)


def _mix(part: np.ndarray, warped: np.ndarray, p: Clutter, dice: Dice, name: str) -> None:
    """Blend bytes over a part of the picture, in place, with a light of their own."""
    strength, light = dice.between(f"{name} strength", p.strength), dice.between(f"{name} light", (0.6, 1.3))
    part[:] = cv2.addWeighted(part, 1 - strength, warped.astype(np.float32), strength * light / 255, 0)


def cast_shadow(ground: np.ndarray, triangle: np.ndarray, p: Clutter, dice: Dice, feet: float, height: int) -> None:
    """Darken the ground (H, W, 3) by the shadow of a figure, in place; triangle: under each of its samples, -1 where none."""
    if not dice.falls("shadow", p.shadow_share):
        return
    stream = dice.stream("sun")
    squash = stream.uniform(0.12, 0.4) * (1 if stream.random() < 0.6 else -1)  # up or down the picture
    shear = stream.normal(0, 0.9)
    # the shadow of a point h above the feet lies at x + shear h, feet - squash h
    base = feet - 0.02 * height
    matrix = np.array([[1, shear / squash, -shear * base / squash], [0, 1 / squash, base - base / squash]])
    size = ground.shape[1::-1]
    figure = cv2.resize((triangle >= 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    shadow = cv2.warpAffine(figure, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    shadow = cv2.GaussianBlur(shadow, (0, 0), max(0.5, 0.006 * height))
    ground *= 1 - np.float32(stream.uniform(0.3, 0.7)) * shadow[..., None]


@lru_cache(maxsize=TILES)
def _lying(number: int) -> np.ndarray:
    """A tile (384, 384, 3) uint8 of ground."""
    rng = stream_of(0, "clutter", "ground", number)
    colour, spread, count, sizes = GROUNDS[list(GROUNDS)[number % len(GROUNDS)]]
    base = np.array(colour) * rng.uniform(0.7, 1.3)
    tile = np.empty((TILE, TILE, 3), np.uint8)
    tile[:] = np.clip(base * 0.7 * 255, 0, 255)
    halves = _sizes(rng, count, *sizes)
    lit = np.exp(rng.normal(0, spread, count)) * (1 + 0.25 * rng.standard_normal((3, count)) * spread)
    thin = rng.uniform(0.15, 0.5) if number % len(GROUNDS) == 1 else 0.6
    for half, tone, place, angle in zip(halves, lit.T, rng.uniform(0, TILE, (count, 2)), rng.uniform(0, 180, count)):
        shade = tuple(float(v) for v in np.clip(base * tone * 255, 5, 250))
        _wrapped(tile, place, (half, half * thin), angle, shade)
    return tile


@lru_cache(maxsize=TILES)
def _standing(number: int) -> np.ndarray:
    """A tile (384, 384, 3) uint8 of what stands behind: foliage, or a front of windows, boards, posts and writing."""
    rng = stream_of(0, "clutter", "behind", number)
    foliage = number % 3 == 0
    tile = np.empty((TILE, TILE, 3), np.uint8)
    tile[:] = np.clip((rng.uniform(0.2, 0.6) + rng.normal(0, 0.04, 3)) * 255, 0, 255)
    count = 900 if foliage else 130
    halves = _sizes(rng, count, 2.0 if foliage else 3.0, 20.0 if foliage else 70.0)[np.argsort(rng.random(count))]
    if not foliage:
        halves = np.sort(halves)[::-1]
    for half, place in zip(halves, rng.uniform(0, TILE, (count, 2))):
        if foliage:
            base = np.array([0.22, 0.33, 0.14]) if rng.random() < 0.85 else np.array([0.75, 0.8, 0.85])
            shade = np.clip(base * np.exp(rng.normal(-0.1, 0.55)) * 255, 5, 250)
            _wrapped(tile, place, (half, half * 0.6), rng.uniform(0, 180), tuple(float(v) for v in shade))
            continue
        grey = rng.beta(0.7, 0.8)
        shade = np.clip((grey + rng.normal(0, 0.05 if rng.random() < 0.75 else 0.25, 3)) * 255, 5, 250)
        shade = tuple(float(v) for v in shade)
        x, y = (int(v) for v in place)
        wide, tall = int(half * rng.uniform(0.3, 1.2)) + 1, int(half * rng.uniform(0.4, 1.6)) + 1
        if rng.random() < 0.15:  # a post, a cable, an edge of a door
            cv2.line(tile, (x, y - 3 * tall), (x, y + 3 * tall), shade, 1 + int(rng.integers(3)))
        elif rng.random() < 0.25:  # writing
            for k in range(0, wide, 3):
                if rng.random() < 0.7:
                    cv2.rectangle(tile, (x + k, y), (x + k + 1, y + int(rng.integers(2, 6))), shade, -1)
        else:
            cv2.rectangle(tile, (x, y), (x + wide, y + tall), shade, -1)
            if rng.random() < 0.5:
                cv2.rectangle(tile, (x, y), (x + wide, y + tall), tuple(0.5 * v for v in shade), 1)
    return tile


def _sizes(rng: np.random.Generator, count: int, smallest: float, largest: float) -> np.ndarray:
    """Half axes (count,) by the power law of dead leaves: as many of a size as its inverse cube."""
    u = rng.random(count)
    return (smallest**-2 + u * (largest**-2 - smallest**-2)) ** -0.5


def _wrapped(tile: np.ndarray, place: np.ndarray, half: tuple[float, float], angle: float, colour: tuple) -> None:
    """A filled ellipse that goes on at the other side of the tile."""
    reach = max(half)
    axes = max(1, round(half[0])), max(1, round(half[1]))
    for dx in (-TILE, 0, TILE):
        for dy in (-TILE, 0, TILE):
            x, y = place[0] + dx, place[1] + dy
            if -reach < x < TILE + reach and -reach < y < TILE + reach:
                cv2.ellipse(tile, (round(x), round(y)), axes, angle, 0, 360, colour, -1)
