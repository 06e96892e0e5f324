"""Camera position and direction of the light, random for each picture.

Decisions: a camera of the set has one height, distance and light; photographs of one place are taken in sun and shade,
near and far, by cameras that hang askew. Each lever replaces one of the camera's values, by a stream of its own.
"""

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from sanreid.bounds import Share
from sanreid.synthesis.random_draws import RandomDraws
from sanreid.synthesis.ranges import Ranges
from sanreid.synthesis.scene import Camera

Metres = Annotated[float, Field(gt=0, le=100)]
SUN = {"ambient": (0.22, 0.45), "diffuse": (0.75, 1.25)}


class Framing(Ranges):
    """Height, distance, roll and sun; null and 0 leave them as the camera has them."""

    height: tuple[Metres, Metres] | None
    distance: tuple[Metres, Metres] | None
    roll: Annotated[float, Field(ge=0, le=15)]
    sun_share: Share


class Frame(NamedTuple):
    """How one picture is taken."""

    height: float  # metres above the ground
    distance: float  # metres
    roll: float  # radians
    light: np.ndarray  # (3,) unit vector
    ambient: float
    diffuse: float


def frame(camera: Camera, height: float, p: Framing, dice: RandomDraws) -> Frame:
    """The frame of a picture by `camera`, at `height` metres where no lever says otherwise."""
    light, ambient, diffuse = camera.light, camera.ambient, camera.diffuse
    if dice.falls("sunny", p.sun_share):
        stream = dice.stream("sunlight")
        towards = np.array([stream.normal(), stream.normal(), stream.uniform(0.5, 1.5)])
        light = (towards / np.linalg.norm(towards)).astype(np.float32)
        ambient, diffuse = stream.uniform(*SUN["ambient"]), stream.uniform(*SUN["diffuse"])
    return Frame(
        height=height if p.height is None else dice.between("height", p.height, 0.5),
        distance=camera.distance if p.distance is None else dice.between("distance", p.distance, 0.5),
        roll=float(np.radians(p.roll) * dice.stream("roll").normal()) if p.roll else 0.0,
        light=light,
        ambient=float(ambient),
        diffuse=float(diffuse),
    )
