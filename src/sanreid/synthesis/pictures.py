"""Pictures as a camera stores them, and masks and float textures as PNG.

Decisions: JPEG by Pillow, which is RGB throughout; chroma 4:2:0, as cameras write it. Values are clipped before the
cast to bytes.
"""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from sanreid.data import images


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write (H, W, 3) RGB or (H, W) grey: uint8, bool (as 0/255) or float (clipped to [0, 1])."""
    images.write_rgb(path, as_bytes(picture))


def write_jpeg(path: Path, picture: np.ndarray, quality: int) -> None:
    """Write (H, W, 3) RGB uint8 as JPEG of `quality` 1-100."""
    path.write_bytes(_jpeg(picture, quality))


def through_jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """(H, W, 3) RGB uint8 as it looks after a camera stored it as JPEG of `quality` 1-100."""
    with Image.open(BytesIO(_jpeg(picture, quality))) as stored:
        return np.array(stored)


def as_bytes(picture: np.ndarray) -> np.ndarray:
    """uint8 as it is, bool as 0/255, floats in [0, 1] clipped and rounded to 0-255."""
    if picture.dtype == bool:
        return picture.astype(np.uint8) * np.uint8(255)
    if picture.dtype == np.uint8:
        return picture
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def _jpeg(picture: np.ndarray, quality: int) -> bytes:
    data = BytesIO()
    Image.fromarray(picture).save(data, "JPEG", quality=quality, subsampling="4:2:0")
    return data.getvalue()
