"""A picture as pages show it: upright, small, and a JPEG where it is not small already.

Decisions: the header comes first (`image_headers`: known formats, a bound on the pixels), and libjpeg decodes at
the smallest of its fractions that is large enough: a photograph of 30 megapixels costs a few megabytes instead of 90.
The command's pages and the search page have their pictures from here.
"""

import io
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from sanreid.data import image_headers

AS_IT_IS = 32 << 10  # bytes up to which a small picture needs no thumbnail
SERVED = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
QUALITY = 85


class Picture(NamedTuple):
    """Bytes of a picture and their media type."""

    data: bytes
    kind: str


def thumbnail(data: bytes, width: int, height: int) -> Picture:
    """The picture of a file's bytes within `width` x `height` pixels.

    As it is where it is small and a browser knows it, else a JPEG. Raises ValueError where it cannot be read.
    """
    header = image_headers.read(data)
    small = header.width <= width and header.height <= height
    if len(data) <= AS_IT_IS and small and header.kind in SERVED:
        return Picture(data, SERVED[header.kind])
    return Picture(jpeg(data, width, height), "image/jpeg")


def jpeg(data: bytes, width: int, height: int) -> bytes:
    """The picture of a file's bytes as a JPEG within `width` x `height` pixels; ValueError where it cannot be read."""
    try:
        with Image.open(io.BytesIO(data), formats=(image_headers.read(data).kind,)) as image:
            return encode(shrink(image, width, height), "JPEG")
    except (OSError, SyntaxError) as error:  # what Pillow says of a damaged body
        raise image_headers.broken(str(error)) from None


def shrink(image: Image.Image, width: int, height: int) -> Image.Image:
    """RGB, upright, within `width` x `height` pixels."""
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would cut off at 255: the upper eight, as OpenCV
        upright = ImageOps.exif_transpose(image)
        image = Image.fromarray((np.asarray(upright).astype(np.uint32) >> 8).astype(np.uint8))
    elif image.mode in ("1", "P", "PA", "LA", "RGBA"):  # Pillow picks some of their pixels, or drops what alpha hides
        image = ImageOps.exif_transpose(image).convert("RGBA").convert("RGB")
    turned = image.getexif().get(0x0112, 1) >= 5  # EXIF's orientations 5 to 8 lie on their side
    box = (height, width) if turned else (width, height)
    image.draft("RGB", box)
    image.thumbnail(box, Image.Resampling.BICUBIC)  # before turning: a quarter of a large picture is enough
    return ImageOps.exif_transpose(image).convert("RGB")


def encode(image: Image.Image, kind: str) -> bytes:
    """The bytes of a file of that kind, JPEG or PNG."""
    file = io.BytesIO()
    image.save(file, kind, **({"quality": QUALITY} if kind == "JPEG" else {"compress_level": 1}))
    return file.getvalue()
