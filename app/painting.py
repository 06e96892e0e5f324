"""The texture of the person who is asked for, painted on demand by a trained SAN-PG or SAN, and the person turned.

Decisions: as in `sanreid texture`, by the same code (`sanreid.search.textures`); painted after the
ranked list, which does not wait for it. A picture that was sent is painted from memory, and nothing of it is kept on
disk; the RECENT last answers stay in memory.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from app.recent import Recent
from sanreid.api import device_named, digest
from sanreid.search import textures
from sanreid.search.thumbnails import Picture, encode

RECENT = 64
HEIGHT = 256  # pixels of the person turned
KINDS = ("texture", "turned")


class Painting:
    """A network that paints; `kinds` are the pictures that it gives, `weights` tells it from others."""

    def __init__(self, folder: Path, device: str = "auto") -> None:
        """Load it; errors as `textures.Painter`."""
        self._painter = textures.Painter(folder, device_named(device))
        self.kinds = KINDS if self._painter.wearable else KINDS[:1]
        self.weights = digest(self._painter.file)
        self._kept: Recent[dict[str, Picture]] = Recent(RECENT)

    def of(self, key: str, path: Path) -> dict[str, Picture]:
        """The pictures, by kind, of a picture's file that is known as `key`; errors name what is broken."""
        return self._kept.of(key, lambda: self._paint(path))

    def _paint(self, path: Path) -> dict[str, Picture]:
        [texture] = self._painter.paint([path])
        made = self._painter.pictures(texture, HEIGHT)
        return {kind: _png(made[kind]) for kind in self.kinds}


def _png(picture: np.ndarray) -> Picture:
    return Picture(encode(Image.fromarray(picture), "PNG"), "image/png")
