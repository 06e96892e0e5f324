"""A picture as the page takes and shows it: checked, turned as its EXIF says, and never larger than needed in memory.

Decisions: every byte of an upload is verified, and what is much larger than a network sees is shrunk as thumbnails are
(`sanreid.search.thumbnails`), which are kept on disk.
"""

import hashlib
import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from sanreid import runtime
from sanreid.data import images, verify
from sanreid.search.thumbnails import Picture, encode, shrink, thumbnail

LARGE = 2_000_000  # pixels; above, a query is shrunk to about so many before the network's own resizing
LEAST = (16, 8)  # height and width in pixels; below, nobody can be seen
POOR = 48  # pixels of height below which the page warns
SIDES = (192, 640)  # the longest side of a thumbnail and of the large view


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
            side = round(max(size) * (LARGE / (size[0] * size[1])) ** 0.5)
            data = encode(shrink(image, side, side), "PNG")
    return Upload(data, ".png" if large else f".{header.kind.lower()}", *size)


def check_size(height: int, width: int) -> None:
    """ValueError where a picture is too small to show anybody."""
    if height < LEAST[0] or width < LEAST[1]:
        raise ValueError(
            f"{width} x {height} pixels are too few to show a person; choose a picture of at least"
            f" {LEAST[1]} x {LEAST[0]}"
        )


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
    made = thumbnail(data, side, side)
    if made.data is not data:
        try:
            with runtime.atomic_file(kept) as work:
                work.write_bytes(made.data)
        except OSError as error:  # a full disk or no permission: it is made again the next time
            runtime.log.debug("%s: not kept: %s", kept, error)
    return made
