"""Other rendered people in a picture: behind the person (smaller and higher up), or partly in front.

Decisions: people of a stream of their own, in nobody's data set, are rendered once a process and laid in by
perspective: somebody at `s` times the size stands at s times the distance from the horizon to the person's feet. Who
stands in front hides a side of the person and no head, as a detector would have it.
"""

from functools import lru_cache
from typing import Annotated

import cv2
import numpy as np
from pydantic import Field

from sanreid.bounds import Share
from sanreid.params import Section
from sanreid.runtime import rng as stream_of
from sanreid.synthesis import canvas, people, props
from sanreid.synthesis.random_draws import RandomDraws
from sanreid.synthesis.worn import Worn

PEOPLE, VIEWS = 20, 3
BEHIND, BEFORE = (0.45, 0.97), (1.03, 1.25)  # size, in parts of the person's
ASIDE = (0.20, 0.36)  # from the person's middle to that of who stands in front, in heights


class Crowd(Section):
    """How often others are in the picture; 0 turns a lever off."""

    behind_share: Share
    at_most: Annotated[int, Field(ge=1, le=20)]
    before_share: Share


@lru_cache(maxsize=2)
def _strangers(worn: Worn) -> list[np.ndarray]:
    """Pictures (h, w, 4) float32 of people, 220 pixels tall."""
    drawn = [
        props.photographed(people.make(0, "crowd", i, dressed=worn), stream_of(0, "crowd", i, k), k, VIEWS)
        for i in range(PEOPLE)
        for k in range(VIEWS)
    ]
    return drawn + [np.ascontiguousarray(picture[:, ::-1]) for picture in drawn]


def _lay(
    picture: np.ndarray, rng: np.random.Generator, worn: Worn, size: float, centre: float, row: float, light: float
) -> np.ndarray:
    """Lay one person of `size` pixels into the picture, in place; returns the cover (H, W)."""
    drawn = _strangers(worn)
    stranger = drawn[int(rng.integers(len(drawn)))]
    tall = max(8, round(size * rng.uniform(0.93, 1.07)))
    shape = max(4, round(stranger.shape[1] * tall / stranger.shape[0])), tall
    small = cv2.resize(stranger, shape, interpolation=cv2.INTER_LINEAR)
    return canvas.lay(picture, small, centre, row, light)


def behind(
    picture: np.ndarray, p: Crowd, worn: Worn, dice: RandomDraws, *, feet: float, height: int, camera_height: float
) -> None:
    """Lay others into the surroundings (H, W, 3), in place, the farthest first."""
    if not dice.falls("others behind", p.behind_share):
        return
    rng = dice.stream("behind me")
    for size in np.sort(rng.uniform(*BEHIND, int(rng.integers(1, p.at_most + 1)))):
        row = feet - (1 - size) * camera_height / 1.7 * height
        centre = rng.uniform(0, picture.shape[1])
        _lay(picture, rng, worn, size * height, centre, row, float(rng.uniform(0.7, 1.2)))


def before(
    picture: np.ndarray,
    p: Crowd,
    worn: Worn,
    dice: RandomDraws,
    *,
    centre: float,
    feet: float,
    height: int,
    camera_height: float,
) -> np.ndarray | None:
    """Lay somebody partly before the person at column `centre`, in place; the cover (H, W), or None for none."""
    if not dice.falls("others before", p.before_share):
        return None
    rng = dice.stream("before me")
    size = rng.uniform(*BEFORE)
    aside = rng.uniform(*ASIDE) * height * (1 if rng.random() < 0.5 else -1)
    row = feet + (size - 1) * camera_height / 1.7 * height
    return _lay(picture, rng, worn, size * height, centre + aside, row, float(rng.uniform(0.7, 1.2)))
