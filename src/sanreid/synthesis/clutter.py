"""Clutter in the background: leaves, grass, gravel, shop fronts and writing; shadows on the ground.

Decisions: each picture takes a part of a tile (clutter_tiles.py) at a random scale: on the ground in perspective, in
the background upright; both are blended over the camera's scene. A person's shadow is the outline, sheared onto the
ground.
"""

from typing import Annotated

import cv2
import numpy as np
from pydantic import Field

from sanreid.bounds import Share
from sanreid.params import Section
from sanreid.synthesis import clutter_tiles
from sanreid.synthesis.figure import SAMPLES
from sanreid.synthesis.random_draws import RandomDraws

DEPTH = 8.0  # metres to the person: how far the ground is drawn out


class Clutter(Section):
    """How much stands and lies around; at 0, and at two scenes, a lever is off."""

    scenes: Annotated[int, Field(ge=2, le=100)]
    ground_share: Share
    behind_share: Share
    strength: tuple[Share, Share]
    shadow_share: Share


def lay(picture: np.ndarray, p: Clutter, dice: RandomDraws, *, feet: float, height: int, camera_height: float) -> None:
    """Lay ground and things into the surroundings (H, W, 3) float32, in place; feet (row), height: of the person."""
    if not (p.ground_share or p.behind_share):
        return
    stream = dice.stream("clutter")
    border = feet - height * stream.uniform(0.05, 1.3)  # where ground and wall meet
    row = int(np.clip(border, 0, picture.shape[0]))
    scale = height / 1.7 / clutter_tiles.PER_METRE
    if row > 0 and dice.falls("behind", p.behind_share):
        zoom = 1 / (scale * stream.uniform(0.4, 1.0))
        turn = stream.normal(0, 0.02)
        left, top = stream.uniform(0, clutter_tiles.SIDE), stream.uniform(0, clutter_tiles.SIDE)
        matrix = np.array([[zoom, turn, left], [-turn, zoom, top]])
        tile = clutter_tiles.standing(int(stream.integers(clutter_tiles.COUNT)))
        _blend(picture[:row], tile, matrix, p, dice, "wall")
    if row < picture.shape[0] and dice.falls("ground", p.ground_share):
        tile = clutter_tiles.lying(int(stream.integers(clutter_tiles.COUNT)))
        offset = stream.uniform(0, clutter_tiles.SIDE, 2)
        matrix = _laid_down(row, feet, height, camera_height, picture.shape[1] / 2, offset)
        part, flags = picture[row:], cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        warped = cv2.warpPerspective(tile, matrix, part.shape[1::-1], flags=flags, borderMode=cv2.BORDER_WRAP)
        _mix(part, warped, p, dice, "floor")


def _laid_down(
    row: int, feet: float, height: int, camera_height: float, middle: float, corner: np.ndarray
) -> np.ndarray:
    """The matrix (3, 3) from pixels (x, y below `row`) of the picture to those of a tile on the ground.

    The camera looks level, `camera_height` metres up, at a person of 1.7 m whose feet are at row `feet`: the horizon
    lies that much above them, and a point y rows under it at FOCAL * camera_height / y metres.
    """
    up = height * camera_height / 1.7  # rows from the horizon to the feet
    up = max(up, feet - row + 0.2 * height)  # the ground ends below the horizon
    under = row - (feet - up)  # rows from the horizon to the part's first
    across = clutter_tiles.PER_METRE * 1.7 / height * up  # tile pixels aside = across * (x - middle) / (y + under)
    away = DEPTH * clutter_tiles.PER_METRE * up  # tile pixels away = away / (y + under)
    left, top = corner
    return np.array(
        [[across, left, left * under - across * middle], [0, top, top * under + away], [0, 1, under]], np.float64
    )


def _blend(part: np.ndarray, tile: np.ndarray, matrix: np.ndarray, p: Clutter, dice: RandomDraws, name: str) -> None:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(tile, matrix, part.shape[1::-1], flags=flags, borderMode=cv2.BORDER_WRAP)
    _mix(part, warped, p, dice, name)


def _mix(part: np.ndarray, warped: np.ndarray, p: Clutter, dice: RandomDraws, name: str) -> None:
    """Blend bytes over a part of the picture, in place, with a light of their own."""
    strength, light = dice.between(f"{name} strength", p.strength), dice.between(f"{name} light", (0.6, 1.3))
    part[:] = cv2.addWeighted(part, 1 - strength, warped.astype(np.float32), strength * light / 255, 0)


def cast_shadow(
    ground: np.ndarray, triangle: np.ndarray, p: Clutter, dice: RandomDraws, feet: float, height: int
) -> None:
    """Darken the ground (H, W, 3) by the shadow of a figure, in place; triangle: of each sample, -1 where none."""
    if not dice.falls("shadow", p.shadow_share):
        return
    stream = dice.stream("sun")
    squash = stream.uniform(0.12, 0.4) * (1 if stream.random() < 0.6 else -1)  # up or down the picture
    shear = stream.normal(0, 0.9)
    # the shadow of a point h above the feet lies at x + shear h, feet - squash h
    base = feet - 0.02 * height
    matrix = np.array([[1, shear / squash, -shear * base / squash], [0, 1 / squash, base - base / squash]])
    size = ground.shape[1::-1]
    figure = (triangle[::SAMPLES, ::SAMPLES] >= 0).astype(np.float32)
    shadow = cv2.warpAffine(figure, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    shadow = cv2.GaussianBlur(shadow, (0, 0), max(0.5, 0.006 * height))
    ground *= 1 - np.float32(stream.uniform(0.3, 0.7)) * shadow[..., None]
