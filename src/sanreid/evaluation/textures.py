"""Scores of a texture against the true one, over all existing texels, and separately over visible and hidden ones.

Decisions:
- Values are in [0, 1]; L1 and PSNR are over the masked texels and the three channels, SSIM is the mean of its map
  (Wang et al., 2004: 11x11 gaussian window of deviation 1.5, K = 0.01 and 0.03, a channel at a time) over the mask.
- Texels that do not exist in the layout are set to the same grey in both textures before SSIM, so that they do not
  affect windows at the border; the mask is not eroded.
- PSNR is limited to 100 dB (a mean squared error of 1e-10), so that equal textures have a finite value.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from sanreid.data.images import read_rgb

WINDOW, DEVIATION = 11, 1.5
C1, C2 = 0.01**2, 0.03**2
SMALLEST_ERROR = 1e-10
SCORES = ("l1", "psnr", "ssim")
PARTS = ("", "_visible", "_hidden")


@dataclass(frozen=True)
class Truth:
    """True data of a rendered image: texture (T, T, 3) uint8, existing texels (T, T), and texels that are visible."""

    texture: NDArray[np.uint8]
    coverage: NDArray[np.bool_]
    visibility: NDArray[np.bool_] | None

    def resized(self, size: int) -> "Truth":
        """By area to (size, size); a mask keeps texels of which at least half is set."""
        visible = None if self.visibility is None else resize_mask(self.visibility, size)
        return Truth(resize(self.texture, size), resize_mask(self.coverage, size), visible)


@dataclass(frozen=True)
class TruthFolder:
    """The folder truth/ of a set: textures/<pid>.png, visibility/<image stem>.png, coverage.png; else empty."""

    folder: Path

    def missing(self) -> str | None:
        """The reason why there are no true textures, or None."""
        if not any((self.folder / "textures").glob("*.png")):
            return "the set has no true textures: real photographs have none, rendered sets keep them in truth/"
        if not (self.folder / "coverage.png").is_file():
            return "truth/coverage.png is missing: which texels exist is not known"
        return None

    def has(self, pid: int) -> bool:
        """Whether the person has a true texture (distractors have none)."""
        return (self.folder / "textures" / f"{pid}.png").is_file()

    def texture(self, pid: int) -> NDArray[np.uint8]:
        """The person's true texture, (T, T, 3) RGB."""
        return read_rgb(self.folder / "textures" / f"{pid}.png")

    def of(self, pid: int, image: str) -> Truth:
        """The true data of one image, by its pid and path."""
        visibility = self.folder / "visibility" / f"{PurePosixPath(image).stem}.png"
        return Truth(
            texture=self.texture(pid),
            coverage=_mask(self.folder / "coverage.png"),
            visibility=_mask(visibility) if visibility.is_file() else None,
        )


def resize(texture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """(S, S, 3) uint8 to (size, size, 3): area means down, bilinear up."""
    method = cv2.INTER_AREA if size <= texture.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(texture, (size, size), interpolation=method), np.uint8)


def resize_mask(mask: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """(S, S) bool to (size, size): set where at least half of the area is."""
    return resize(mask.astype(np.uint8) * 255, size) >= 128


def compare(texture: NDArray[np.uint8], truth: Truth) -> dict[str, float]:
    """L1, PSNR (dB) and SSIM of uint8 RGB (T, T, 3) to the truth at its size: `l1`, `l1_visible`, `l1_hidden`, ...

    A part without texels, or visibility that is not known, is NaN. Raises ValueError where no texel exists.
    """
    if texture.ndim != 3 or texture.shape[0] != texture.shape[1]:
        raise ValueError(f"a texture must be square RGB, given {texture.shape}")
    truth = truth.resized(len(texture))
    covered = truth.coverage
    if not covered.any():
        raise ValueError("coverage.png marks no texel: write the set again")
    x, y = texture.astype(np.float32) / 255, truth.texture.astype(np.float32) / 255
    error = np.abs(x - y)
    x[~covered] = y[~covered] = 0.5
    similarity = ssim_map(x, y)
    nothing = np.zeros_like(covered)
    visible = nothing if truth.visibility is None else covered & truth.visibility
    hidden = nothing if truth.visibility is None else covered & ~truth.visibility
    result = {}
    for name, mask in zip(PARTS, (covered, visible, hidden), strict=True):
        some = mask.any()
        squared = float(np.square(error[mask], dtype=np.float64).mean()) if some else np.nan
        result["l1" + name] = float(error[mask].mean(dtype=np.float64)) if some else np.nan
        result["psnr" + name] = float(-10 * np.log10(np.maximum(squared, SMALLEST_ERROR)))
        result["ssim" + name] = float(similarity[mask].mean(dtype=np.float64)) if some else np.nan
    return result


def ssim_map(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]:
    """SSIM of each texel and channel of (T, T, 3) floats in [0, 1]; windows reflect at the edge."""

    def blur(values: NDArray) -> NDArray:
        return cv2.GaussianBlur(values, (WINDOW, WINDOW), DEVIATION, borderType=cv2.BORDER_REFLECT_101)

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    return (2 * mx * my + C1) * (2 * cov + C2) / ((mx * mx + my * my + C1) * (vx + vy + C2))


def mean_texture(textures: Iterable[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The mean of true textures of one size: the constant prediction that a generator has to beat."""
    total, count = np.zeros(1), 0
    for texture in textures:
        total, count = total + texture, count + 1
    if not count:
        raise ValueError("no true textures to average: are the train people's under truth/textures?")
    return np.rint(total / count).astype(np.uint8)


def average(scores: list[dict[str, float]]) -> dict[str, float | None]:
    """The mean of each score over the images that have it; None where none has."""
    result: dict[str, float | None] = {}
    for name in (score + part for part in PARTS for score in SCORES):
        values = np.array([s[name] for s in scores])
        known = values[~np.isnan(values)]
        result[name] = float(known.mean()) if len(known) else None
    return result


def _mask(path: Path) -> NDArray[np.bool_]:
    return read_rgb(path)[..., 0] >= 128
