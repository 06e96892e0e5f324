"""Procedural street and indoor scenes: a ground plane in perspective, a wall, light, shadows.

Decisions: a scene is drawn once a camera with the camera's own height and horizon, so a person put at any foot row has
the size that perspective gives. Noise and wear come from a few random fields. No picture is downloaded.
"""

from dataclasses import dataclass

import cv2
import numpy as np

HEIGHT, WIDTH = 480, 960


@dataclass(frozen=True)
class Backdrop:
    """A scene without people; `horizon` is a row (may be negative), None where unknown (a user's picture)."""

    picture: np.ndarray  # (H, W, 3) uint8 RGB
    horizon: float | None
    camera_height: float  # metres

    def cut(self, rng: np.random.Generator, size: tuple[int, int], person: float, feet: float) -> np.ndarray:
        """A cut (H, W, 3) float32 in [0, 1] behind a person `person` pixels tall with feet at row `feet`."""
        height, width = size
        rows, columns = self.picture.shape[:2]
        if self.horizon is None:
            tall = rng.uniform(0.6, 1.0) * min(rows, columns * height / width)
            zoom = tall / height
            top = rng.uniform(0, rows - tall)
        else:
            foot_row = rng.uniform(0.55, 0.98) * rows
            zoom = (foot_row - self.horizon) * 1.7 / self.camera_height / person
            zoom = min(zoom, 0.99 * rows / height, 0.99 * columns / width)
            top = float(np.clip(foot_row - feet * zoom, 0, rows - height * zoom))
        left = rng.uniform(0, max(columns - width * zoom, 1e-6))
        matrix = np.array([[zoom, 0, left], [0, zoom, top]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cut = cv2.warpAffine(self.picture, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return cut.astype(np.float32) / 255


def noise(rng: np.random.Generator, cells: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A smooth random field (height, width) of unit size with `cells` cells across."""
    grid = rng.standard_normal((max(2, cells * height // width), cells)).astype(np.float32)
    return cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)


def procedural(rng: np.random.Generator, family: str, camera_height: float) -> Backdrop:
    """Draw a scene of a family of cameras."""
    horizon = float(rng.uniform(-90, 40))
    wall_row = int(rng.uniform(max(20, horizon + 40), 0.5 * HEIGHT))
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    distance = camera_height / np.maximum(rows - horizon, 4)
    x, z = (columns - WIDTH / 2) * distance, distance * 500
    base = rng.uniform(0.3, 0.68) + rng.normal(0, 0.025, 3)
    if rng.random() < 0.08:
        base = np.array([0.3, 0.42, 0.2]) * rng.uniform(0.8, 1.2)
    picture = np.empty((HEIGHT, WIDTH, 3), np.float32)
    picture[:] = base
    if rng.random() < 0.6:
        pitch = rng.uniform(0.4, 1.2)
        joint = (np.abs((x / pitch) % 1 - 0.5) > 0.47) | (np.abs((z / pitch) % 1 - 0.5) > 0.47)
        picture *= 1 - rng.uniform(0.08, 0.25) * cv2.GaussianBlur(joint.astype(np.float32), (0, 0), 1)[..., None]
    wall = rng.uniform(0.25, 0.8) + rng.normal(0, 0.04, 3)
    picture[:wall_row] = wall
    for cells, strength in ((8, 0.06), (32, 0.05), (128, 0.04), (480, 0.03)):
        picture *= 1 + strength * noise(rng, cells)[..., None]
    picture = np.clip(cv2.GaussianBlur(picture, (0, 0), 1), 0, 1)
    return Backdrop((picture * 255).astype(np.uint8), horizon, camera_height)
