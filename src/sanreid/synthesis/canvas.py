"""A canvas in metres on which props are drawn, and how a prop is laid into a picture.

Decisions: shapes are drawn at twice the size and reduced, so edges are smooth; transparency is straight alpha.
"""

import cv2
import numpy as np

Colour = tuple[float, float, float]


class Sketch:
    """A canvas of `width` x `height` metres, origin at the lower left, drawn with straight alpha."""

    def __init__(self, width: float, height: float, scale: float):
        self.scale, self.top = 2 * scale, height
        size = max(4, round(2 * height * scale)), max(4, round(2 * width * scale))
        self.rgb, self.alpha = np.zeros((*size, 3), np.float32), np.zeros(size, np.float32)

    def _pixels(self, points: np.ndarray) -> np.ndarray:
        points = np.atleast_2d(np.asarray(points, np.float64))
        return np.round(np.stack([points[:, 0], self.top - points[:, 1]], 1) * self.scale).astype(np.int32)

    def polygon(self, points, colour: Colour) -> None:
        """A filled polygon through points (k, 2)."""
        corners = [self._pixels(points)]
        cv2.fillPoly(self.rgb, corners, colour)
        cv2.fillPoly(self.alpha, corners, 1.0)

    def line(self, points, colour: Colour, width: float) -> None:
        """A line through points (k, 2), `width` metres thick."""
        corners, thick = [self._pixels(points)], max(1, round(width * self.scale))
        cv2.polylines(self.rgb, corners, False, colour, thick)
        cv2.polylines(self.alpha, corners, False, 1.0, thick)

    def ellipse(self, centre, half, colour: Colour, width: float = 0) -> None:
        """An ellipse with half axes `half`, filled, or a ring `width` metres thick."""
        middle = tuple(int(value) for value in self._pixels(centre)[0])
        axes = max(1, round(half[0] * self.scale)), max(1, round(half[1] * self.scale))
        thick = max(1, round(width * self.scale)) if width else -1
        cv2.ellipse(self.rgb, middle, axes, 0, 0, 360, colour, thick)
        cv2.ellipse(self.alpha, middle, axes, 0, 0, 360, 1.0, thick)

    def finish(self, rng: np.random.Generator, roughness: float = 0.05) -> np.ndarray:
        """The prop (h, w, 4) float32 RGB and alpha, with wear, darker towards the ground."""
        rows, columns = self.alpha.shape
        wear = rng.standard_normal((max(2, rows // 6), max(2, columns // 6))).astype(np.float32)
        shade = 1 + roughness * cv2.resize(wear, (columns, rows)) - 0.25 * np.linspace(0, 1, rows)[:, None] ** 3
        picture = np.dstack([np.clip(self.rgb * shade[..., None], 0, 1) * self.alpha[..., None], self.alpha])
        small = cv2.resize(picture.astype(np.float32), (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
        small[..., :3] /= np.maximum(small[..., 3:], 1e-4)
        return small


def lay(
    picture: np.ndarray, prop: np.ndarray, centre: float, bottom: float, light: np.ndarray | float = 1.0
) -> np.ndarray:
    """Lay a prop (h, w, 4) into `picture` (H, W, 3), in place, and return its cover (H, W).

    Its lower edge comes to row `bottom`, its middle to column `centre`; `light` multiplies its colours.
    """
    cover = np.zeros(picture.shape[:2], np.float32)
    tall, wide = prop.shape[:2]
    left, top = round(centre - wide / 2), round(bottom - tall)
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(picture.shape[1], left + wide), min(picture.shape[0], top + tall)
    if x1 > x0 and y1 > y0:
        part = prop[y0 - top : y1 - top, x0 - left : x1 - left]
        alpha = part[..., 3:]
        picture[y0:y1, x0:x1] += (part[..., :3] * light - picture[y0:y1, x0:x1]) * alpha
        cover[y0:y1, x0:x1] = alpha[..., 0]
    return cover
