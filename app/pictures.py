"""A picture as the page takes and shows it: checked, turned as its EXIF says, and never larger than needed in memory.

Decisions: the header is looked at first (`image_headers`: known formats alone, a bound on the pixels), every byte of an
upload is verified, and what is much larger than a network sees is decoded at a fraction of its size: libjpeg can, and a
photograph of 30 megapixels costs a few megabytes instead of 90. Thumbnails are JPEGs kept on disk; a picture that is
small already is served as it is.
"""

import hashlib
import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps

from sanreid import runtime
from sanreid.data import image_headers, images, verify

LARGE = 2_000_000  # pixels; above, a query is shrunk to about so many before the network's own resizing
LEAST = (16, 8)  # height and width in pixels; below, nobody can be seen
POOR = 48  # pixels of height below which the page warns
AS_IT_IS = 32 << 10  # bytes up to which a small picture needs no thumbnail
SIDES = (192, 640)  # the longest side of a thumbnail and of the large view
SERVED = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


class Picture(NamedTuple):
    """Bytes of a picture and their media type."""

    data: bytes
    kind: str


class Upload(NamedTuple):
    """A verified picture that somebody asks with: `data` are its bytes, shrunk where it was large.

    `height` and `width` are the sent file's, as it stands upright.
    """

    data: bytes
    suffix: str
    height: int
    width: int


def upload(data: bytes) -> Upload:
    """Check what was sent and bound its size.

    Raises ValueError, one line for a person, where it is no whole picture, too large or too small.
    """
    if not data:
        raise ValueError("the file is empty; choose a picture")
    header = verify.verify(data)
    large = header.height * header.width > LARGE
    with Image.open(io.BytesIO(data), formats=(header.kind,)) as image:
        turned = image.getexif().get(0x0112, 1) >= 5  # EXIF's orientations 5 to 8 lie on their side
        size = (header.width, header.height) if turned else (header.height, header.width)
        check_size(*size)
        if large:
            data = _encode(_shrink(image, round(max(size) * (LARGE / (size[0] * size[1])) ** 0.5)), "PNG")
    return Upload(data, ".png" if large else f".{header.kind.lower()}", *size)


def check_size(height: int, width: int) -> None:
    """ValueError where a picture is too small to show anybody."""
    if height < LEAST[0] or width < LEAST[1]:
        raise ValueError(
            f"{width} x {height} pixels are too few to show a person; choose a picture of at least"
            f" {LEAST[1]} x {LEAST[0]}"
        )


def thumbnail(data: bytes, side: int) -> Picture:
    """The picture of a file's bytes with a longest side of at most `side` pixels, upright.

    As it is where it is small and a browser knows it, else a JPEG. Raises ValueError where it cannot be read.
    """
    header = image_headers.read(data)
    if len(data) <= AS_IT_IS and max(header.height, header.width) <= side and header.kind in SERVED:
        return Picture(data, SERVED[header.kind])
    try:
        with Image.open(io.BytesIO(data), formats=(header.kind,)) as image:
            return Picture(_encode(_shrink(image, side), "JPEG"), "image/jpeg")
    except (OSError, SyntaxError) as error:  # what Pillow says of a damaged body
        raise image_headers.broken(str(error)) from None


def kept_thumbnail(path: Path, side: int, folder: Path) -> Picture:
    """`thumbnail` of a file, kept in `folder` under the file's name, size and date.

    Raises ValueError and OSError as `thumbnail` and `images.load`.
    """
    stat = path.stat()
    key = hashlib.blake2b(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\0{side}".encode(), digest_size=16).hexdigest()
    kept = folder / key[:2] / f"{key}.jpg"
    if kept.is_file():
        return Picture(kept.read_bytes(), "image/jpeg")
    data = images.load(path)
    made = thumbnail(data, side)
    if made.data is not data:
        with runtime.atomic_file(kept) as work:
            work.write_bytes(made.data)
    return made


def _shrink(image: Image.Image, side: int) -> Image.Image:
    """RGB, upright, at most `side` long; a JPEG is decoded at the smallest of its fractions that is large enough."""
    image.draft("RGB", (side, side))
    image.thumbnail((side, side), Image.Resampling.BICUBIC)  # before turning: a quarter of a large picture is enough
    return ImageOps.exif_transpose(image).convert("RGB")


def _encode(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **({"quality": 85} if kind == "JPEG" else {"compress_level": 1}))
    return file.getvalue()
