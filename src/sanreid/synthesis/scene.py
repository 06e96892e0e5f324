"""Simulated cameras: their position, their background scenes, and their response to light.

Decisions: the two families differ on purpose, so that what is learnt on rendered PIT pairs meets a domain gap on the
re-identification sets, as it does for real. PIT's cameras are mild and see people from all sides; the re-ID cameras
differ strongly in exposure, colour, blur and noise, and each sees people mostly from one side, so a person looks
different in another camera.
"""

import math
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from sanreid.data import images
from sanreid.runtime import rng as stream_of
from sanreid.synthesis import background
from sanreid.synthesis.background import Backdrop

SCENES = 2  # backdrops a camera
PICTURES = (".jpg", ".jpeg", ".png", ".bmp")


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera and the light of its place."""

    family: str
    height: float  # metres above the ground
    distance: float  # metres to the people it sees
    facing: float | None  # preferred azimuth of people, radians (0: they face the camera); None: all alike
    facing_spread: float  # radians
    light: np.ndarray  # (3,) unit vector towards the light, for a person who faces the camera
    ambient: float
    diffuse: float
    gain: np.ndarray  # (3,) of the colour channels, exposure included
    gamma: float
    saturation: float
    blur: float  # standard deviation in thousandths of the person's height
    noise: float  # of full scale
    unrest: float  # how much light changes from picture to picture, logarithmic
    jpeg_quality: int
    occlusion: float  # share of pictures with something in front
    backdrops: tuple[Backdrop, ...]

    def azimuth(self, rng: np.random.Generator) -> float:
        """Draw from where the camera sees a person, radians."""
        if self.facing is None:
            return float(rng.uniform(0, 2 * math.pi))
        turned_round = math.pi if rng.random() < 0.2 else 0.0  # people also walk back
        return float(self.facing + turned_round + rng.normal(0, self.facing_spread))

    def curve(self) -> np.ndarray:
        """The tone curve: 1025 values over [0, 1]."""
        return _curve(self.gamma)


@lru_cache(maxsize=64)
def _curve(gamma: float) -> np.ndarray:
    return (np.linspace(0, 1, 1025) ** gamma).astype(np.float32)


@cache
def reid_cameras(name: str, seed: int, count: int, backgrounds: Path | None, scenes: int = SCENES) -> list[Camera]:
    """The cameras of the re-ID set `name`; each process builds them once (their backgrounds are too large to send)."""
    return cameras("reid", int(stream_of(seed, name, "cameras").integers(2**31)), count, backgrounds, scenes)


def cameras(family: str, seed: int, count: int, backgrounds: Path | None = None, scenes: int = SCENES) -> list[Camera]:
    """The cameras of a data set, deterministic by family and seed.

    family: "pit" or "reid". backgrounds: a folder of pictures to use in place of procedural scenes. scenes: backdrops a
    camera; those past SCENES come from streams of their own.
    """
    if family not in ("pit", "reid"):
        raise ValueError(f"unknown camera family {family!r}: use 'pit' or 'reid'")
    if count < 1:
        raise ValueError(f"{count} cameras asked for: at least 1 is needed")
    pictures = _pictures(backgrounds) if backgrounds else []
    found = [_camera(family, stream_of(seed, "camera", family, i), i, count, pictures) for i in range(count)]
    for i, camera in enumerate(found if scenes > SCENES else []):
        more = stream_of(seed, "camera", family, i, "scenes")
        further = tuple(_backdrop(family, more, camera.height, pictures) for _ in range(scenes - SCENES))
        found[i] = replace(camera, backdrops=camera.backdrops + further)
    return found


def check_backgrounds(folder: Path) -> None:
    """Look at every byte of the pictures in `folder`, so that a night of rendering does not end at the last of them.

    Raises FileNotFoundError for an absent folder, ValueError for one without pictures or naming the first that is
    broken or a link out of it.
    """
    images.verify_all(_pictures(folder), folder)


def _pictures(folder: Path) -> list[Path]:
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of background pictures")
    found = images.files(Path(folder), PICTURES)
    if not found:
        raise ValueError(
            f"{folder}: holds no picture; put some {', '.join(PICTURES)} there or use procedural backgrounds"
        )
    return found


def _read(path: Path) -> Backdrop:
    return Backdrop(images.read_rgb(path), None, 2.5)


def _backdrop(family: str, rng: np.random.Generator, height: float, pictures: list[Path]) -> Backdrop:
    if pictures:
        return _read(pictures[int(rng.integers(len(pictures)))])
    return background.procedural(rng, family, height)


def _camera(family: str, rng: np.random.Generator, number: int, count: int, pictures: list[Path]) -> Camera:
    reid = family == "reid"
    height = rng.uniform(2.6, 4.5) if reid else rng.uniform(1.2, 2.8)
    light = np.array([rng.normal(), rng.normal(), rng.uniform(0.8, 1.6)])
    # Tint moves red against blue more than green: indoor lamps against daylight.
    tint = rng.normal(0, 0.11 if reid else 0.05) * np.array([1, 0, -1]) + rng.normal(0, 0.05 if reid else 0.02, 3)
    exposure = rng.normal(0, 0.28) if reid else rng.normal(0.05, 0.1)
    backdrops = tuple(_backdrop(family, rng, height, pictures) for _ in range(SCENES))
    return Camera(
        family=family,
        height=height,
        distance=rng.uniform(5, 12),
        facing=2 * math.pi * (number + rng.uniform(0, 0.7)) / count if reid else None,
        facing_spread=0.5,
        light=(light / np.linalg.norm(light)).astype(np.float32),
        ambient=rng.uniform(0.45, 0.75),
        diffuse=rng.uniform(0.3, 0.65),
        gain=np.exp(tint + np.clip(exposure, -0.4, 0.4)).astype(np.float32),
        gamma=rng.uniform(0.75, 1.2) if reid else rng.uniform(0.9, 1.1),
        saturation=rng.uniform(0.4, 0.95) if reid else rng.uniform(0.9, 1.1),
        blur=rng.uniform(2.5, 6.0) if reid else rng.uniform(1.5, 4.0),
        noise=rng.uniform(0.008, 0.03) if reid else rng.uniform(0.003, 0.012),
        unrest=0.2 if reid else 0.06,
        jpeg_quality=int(rng.integers(55, 88) if reid else rng.integers(80, 96)),
        occlusion=0.2 if reid else 0.08,
        backdrops=backdrops,
    )
