"""Renders a person with a given texture from the front, both sides and the back, in the pose of PIT's frontal pictures.

Decisions: the body is the canonical adult (body.py) in plain trousers and a plain shirt, with nothing carried and short
hair: a texture holds colours, not shapes, so a painted skirt or bag shows as colour on the body. Neutral light, which
turns with the camera, and a grey ground.
"""

import math

import numpy as np

from sanreid.synthesis.people import Person
from sanreid.synthesis.render import GREY, standing
from sanreid.synthesis.wardrobe import Cloth, Outfit

SIDES = {"front": 0.0, "left": math.pi / 2, "back": math.pi, "right": 1.5 * math.pi}  # the person's own left and right
BODY = {"gender": 0.3, "age": 0.67, "height": 0.5}  # the canonical body's
_CLOTH = Cloth("gray", (0.5, 0.5, 0.5), "plain", (0.5, 0.5, 0.5), 0.0, 0.0)
PLAIN = Outfit(
    female=False, age=2, skin=(0.8, 0.6, 0.5), hair_colour=(0.2, 0.15, 0.1), hair="short", hairline=0.055,
    hair_volume=0.012, upper=_CLOTH, sleeves=0.3, neckline="round", hem=0.0, jacket=False, inner=None,
    upper_loose=0.01, lower=_CLOTH, lower_kind="trousers", lower_end=0.0, flare=0.0, lower_loose=0.01, socks=None,
    sock_height=0.1, stockings=None, shoe=(0.2, 0.2, 0.2), sole=(0.8, 0.8, 0.77), shoe_height=0.0, hat=None,
    hat_colour=(0.2, 0.2, 0.2), backpack=None, bag=None, handbag=None,
)  # fmt: skip


def turned(texture: np.ndarray, height: int = 384) -> dict[str, np.ndarray]:
    """Pictures (height, width, 3) uint8 RGB of one width, by the names of SIDES, of a texture (T, T, 3) uint8 RGB.

    Raises ValueError for a texture of another type or shape.
    """
    if texture.dtype != np.uint8 or texture.ndim != 3 or texture.shape[2] != 3 or texture.shape[0] != texture.shape[1]:
        raise ValueError(f"a texture is (T, T, 3) uint8, given {texture.shape} {texture.dtype}")
    colours = np.ascontiguousarray(texture, np.float32) / 255
    person = Person(attributes={}, texture=colours, outfit=PLAIN, phenotype=BODY, key=(0, 0))
    pictures = {name: _picture(person, azimuth, height) for name, azimuth in SIDES.items()}
    width = max(picture.shape[1] for picture in pictures.values())
    return {name: _centred(picture, height, width) for name, picture in pictures.items()}


def row(sides: dict[str, np.ndarray]) -> np.ndarray:
    """The pictures of `turned` side by side: (height, 4 width, 3) uint8."""
    return np.concatenate(list(sides.values()), axis=1)


def _picture(person: Person, azimuth: float, height: int) -> np.ndarray:
    """The person standing, seen from `azimuth`: (about `height`, w, 3) uint8."""
    picture = standing(person, height, azimuth, margin=0.02)
    return (picture * 255 + 0.5).astype(np.uint8)


def _centred(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    out = np.full((height, width, 3), round(GREY * 255), np.uint8)
    picture = picture[:height]
    top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    out[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return out
