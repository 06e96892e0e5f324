"""Camera effects on a rendered picture: exposure, contrast, colours, sharpness, noise, resolution, JPEG.

Decisions: measured on photographs of people (docs/realism.md), a camera sets its exposure by what it sees, stretches
contrast until the lights burn out, and sharpens until edges ring; a rendered picture does none of it. So exposure and
contrast are targets of the whole picture, not factors. Every range is drawn uniformly, for each picture or, in the
share `steady` of pictures, once for their camera, so that cameras still differ. Every draw has a place of its own
(random_draws.py): a lever changes nothing but itself, and at its neutral value it does nothing.
"""

from functools import lru_cache
from typing import Annotated

import cv2
import numpy as np
from pydantic import Field

from sanreid.bounds import Quality, Share
from sanreid.synthesis.kernels import compiled
from sanreid.synthesis.random_draws import RandomDraws
from sanreid.synthesis.ranges import Ranges

GRAIN = 512  # side of the tile of noise
REFERENCE = 128  # pixels of a person's height that blur, ringing and motion refer to
RADIUS = (0.5, 1.1)  # deviation of the blur that sharpening subtracts
FAR = (0.5, 0.85)  # size at which a far person was seen, in parts of the picture's
STEPS = 1024  # of a tone curve
HIGHEST_GAIN = 8.0  # of an exposure, so that a black picture stays one
HIGHEST_CONTRAST = 4.0

Level = Annotated[float, Field(gt=0, lt=1)]
Factor = Annotated[float, Field(ge=0, le=4)]
Blur = Annotated[float, Field(ge=0, le=8)]
GreyLevels = Annotated[float, Field(ge=0, le=64)]


class Photograph(Ranges):
    """Ranges of what a camera does; at the values named neutral a lever is off."""

    steady: Share
    exposure: tuple[Level, Level] | None
    contrast: tuple[Annotated[float, Field(ge=0.02, le=0.5)], Annotated[float, Field(ge=0.02, le=0.5)]] | None
    saturation: tuple[Factor, Factor]
    cast: Annotated[float, Field(ge=0, le=1)]
    lens: tuple[Factor, Factor]
    sharpen: tuple[Blur, Blur]
    noise: tuple[GreyLevels, GreyLevels]
    defocus: tuple[Blur, Blur]
    motion_share: Share
    motion: tuple[Blur, Blur]
    far_share: Share
    jpeg: tuple[Quality, Quality] | None

    @property
    def develops(self) -> bool:
        """Whether any lever that changes pixels is on."""
        neutral = {"exposure": None, "contrast": None, "saturation": (1, 1), "cast": 0, "lens": (1, 1)}
        neutral |= dict.fromkeys(("sharpen", "noise", "defocus"), (0, 0)) | {"motion_share": 0, "far_share": 0}
        return any(getattr(self, name) != value for name, value in neutral.items())


def quality(p: Photograph, dice: RandomDraws, of_camera: int) -> int:
    """The JPEG quality of a picture: its camera's, or its own where the lever is on."""
    return of_camera if p.jpeg is None else round(dice.between("jpeg", p.jpeg, p.steady))


def develop(
    radiance: np.ndarray,
    p: Photograph,
    dice: RandomDraws,
    *,
    sigma: float,
    gain: np.ndarray,
    curve: np.ndarray,
    saturation: float,
    noise: float,
    person: int,
) -> np.ndarray:
    """The picture (H, W, 3) uint8 that a camera makes of `radiance` (H, W, 3) float32 in [0, 1].

    sigma (pixels), gain (3,), curve (n,) over [0, 1], saturation and noise (of full scale) are the camera's own, which
    the levers begin from; person: its height in pixels.
    """
    scale = person / REFERENCE
    lens = sigma * dice.between("lens", p.lens, p.steady)
    defocus = dice.between("defocus", p.defocus) * scale
    picture = _blurred(radiance, float(np.hypot(lens, defocus)))
    if dice.falls("moves", p.motion_share):
        picture = _moved(picture, dice.between("motion", p.motion) * scale, dice.stream("direction"))
    size = picture.shape[:2]
    if dice.falls("far", p.far_share):
        shrink = dice.between("size", FAR)
        small = max(8, round(size[1] * shrink)), max(8, round(size[0] * shrink))
        picture, scale = cv2.resize(picture, small, interpolation=cv2.INTER_AREA), scale * shrink
    amount = dice.between("sharpen", p.sharpen, p.steady)
    if amount:
        soft = cv2.GaussianBlur(picture, (0, 0), max(dice.between("ring", RADIUS, p.steady) * max(scale, 1), 0.4))
        picture = cv2.addWeighted(picture, 1 + amount, soft, -amount, 0)
    if p.cast:
        red, blue = dice.between("red", (-1, 1), p.steady), dice.between("blue", (-1, 1), p.steady)
        gain = gain * np.exp(p.cast * np.array([red, 0, blue], np.float32))
    gain, curve = _tone(picture, gain, curve, p, dice)
    saturation *= dice.between("saturation", p.saturation, p.steady)
    shot = dice.between("noise", p.noise, p.steady) / 255
    top, left = dice.stream("grain").integers(GRAIN, size=2) if shot or noise else (0, 0)
    out = _expose(picture, gain.astype(np.float32), curve, saturation, grain(), int(top), int(left), noise, shot)
    return out if out.shape[:2] == size else cv2.resize(out, size[::-1], interpolation=cv2.INTER_LINEAR)


def _blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), sigma) if sigma > 0.25 else picture


def _moved(picture: np.ndarray, length: float, rng: np.random.Generator) -> np.ndarray:
    """Smear along a line of `length` pixels: people walk across the picture more than up it."""
    reach = round(length / 2 + 1)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    angle = rng.normal(0, 0.4)
    steps = np.linspace(-length / 2, length / 2, 4 * reach + 1)
    rows, columns = np.rint(reach + steps * np.sin(angle)), np.rint(reach + steps * np.cos(angle))
    np.add.at(kernel, (rows.astype(int), columns.astype(int)), 1)
    return cv2.filter2D(picture, -1, kernel / kernel.sum())


def _tone(
    picture: np.ndarray, gain: np.ndarray, curve: np.ndarray, p: Photograph, dice: RandomDraws
) -> tuple[np.ndarray, np.ndarray]:
    """Gain (3,) and curve over [0, 1] that bring the picture's mean and deviation to what is drawn for it."""
    if p.exposure is None and p.contrast is None:
        return gain, curve
    sample = np.clip(picture[::3, ::3] * gain, 0, None).max(-1)  # value, as of HSV
    wide = min(max(float(sample.max()), 1e-3), 4.0)
    values = curve[np.minimum(sample / wide * (len(curve) - 1), len(curve) - 1).astype(int)] * wide
    mean, deviation = max(float(values.mean()), 1e-3), max(float(values.std()), 1e-3)
    level = mean if p.exposure is None else dice.between("exposure", p.exposure, p.steady)
    up = min(level / mean, HIGHEST_GAIN)
    spread = deviation * up
    if p.contrast is not None:
        wanted = dice.between("contrast", p.contrast, p.steady)
        spread = min(max(wanted, spread / 2), HIGHEST_CONTRAST * spread)
    place = np.linspace(0, 1, STEPS + 1)
    tone = np.interp(place, np.linspace(0, 1, len(curve)), curve) * wide
    straight = mean * up + (tone - mean) * (spread / deviation)
    return gain / wide, np.clip(straight, 0, 1).astype(np.float32)


@lru_cache(maxsize=1)
def grain() -> np.ndarray:
    """A tile (512, 512, 3) of unit noise, the same in every process."""
    return np.random.default_rng(0).standard_normal((GRAIN, GRAIN, 3)).astype(np.float32)


@compiled
def _expose(radiance, gain, curve, saturation, grain, top, left, noise, shot):
    """Bytes (H, W, 3): gain, tone curve, saturation, then noise of strength `noise` and `shot` * sqrt(value)."""
    height, width = radiance.shape[:2]
    side, last = grain.shape[0], len(curve) - 1
    out = np.empty((height, width, 3), np.uint8)
    tone = np.empty(3)
    for y in range(height):
        row = (top + y) % side
        for x in range(width):
            column = (left + x) % side
            for q in range(3):
                tone[q] = curve[min(last, max(0, int(radiance[y, x, q] * gain[q] * last)))]
            grey = (tone[0] + tone[1] + tone[2]) / 3
            strength = noise + shot * np.sqrt(grey)
            for q in range(3):
                value = grey + (tone[q] - grey) * saturation + grain[row, column, q] * strength
                out[y, x, q] = np.uint8(min(255.0, max(0.0, value * 255 + 0.5)))
    return out
