"""What a picture's first bytes say: its format and its size, before a pixel is decoded.

Decisions: a few bytes can declare gigabytes, so the size is held against LIMIT here, and every way to a picture leads
through here. JPEG and PNG are read by hand, in microseconds and from a memory map alike; what else OpenCV reads, Pillow
identifies, from a closed list: it is never let open EPS and the like, which run programs.
"""

import io
from collections.abc import Iterator
from mmap import mmap
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

LIMIT = 100_000_000  # pixels: three photographs of a large camera; decoded, 300 MB
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND\xaeB`\x82"  # the last chunk's name and checksum: it is always empty
JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
OTHERS = ("BMP", "GIF", "PPM", "TIFF", "WEBP")

Image.MAX_IMAGE_PIXELS = LIMIT  # ours is looked at first; Pillow's own would warn on a terminal below it

_ALONE = {0x00, 0x01, *range(0xD0, 0xD9)}  # JPEG's markers without a length
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class Header(NamedTuple):
    """`kind` (JPEG, PNG or of OTHERS), height and width in pixels, and where the data begin that the header heads.

    Of a JPEG also `frame`, its coding's marker (0xC0: baseline), and how many channels it has.
    """

    kind: str
    height: int
    width: int
    body: int
    frame: int = 0
    channels: int = 0


def read(data: bytes | mmap) -> Header:
    """The header of a picture's file `data`, its body left alone.

    Raises ValueError saying what is wrong (without the file's name): no picture of a known format, a header that is cut
    off, a side of no pixels, more than LIMIT pixels.
    """
    start = data[:8]
    if not start:
        raise broken("an empty file")
    if start.startswith(JPEG_START):
        header = _jpeg(data)
    elif start == PNG_SIGNATURE:
        header = _png(data)
    else:
        header = _other(data)
    if not (header.height and header.width):
        raise broken(f"its header says {header.width} x {header.height} pixels")
    if header.height * header.width > LIMIT:
        raise _large(f"{header.width} x {header.height}")
    return header


def ends(data: bytes, header: Header) -> bool:
    """Whether the end of a JPEG or PNG is there, wherever; a program may have written something after it."""
    if header.kind == "JPEG":
        return data.rfind(JPEG_END, header.body) >= 0
    return header.kind != "PNG" or data.rfind(PNG_END, header.body) >= 0


def segments(data: bytes | mmap) -> Iterator[tuple[int, int, int]]:
    """(marker, first byte after the length, end) of each segment of a JPEG's header, the first scan's the last."""
    at, last = 2, len(data) - 4
    while at <= last:
        if data[at] != 0xFF:  # bytes too many between two segments
            at = data.find(b"\xff", at)
            if at < 0:
                return
            continue
        marker = data[at + 1]
        if marker == 0xFF:  # fill
            at += 1
        elif marker in _ALONE:
            at += 2
        else:
            length = data[at + 2] << 8 | data[at + 3]
            if marker == 0xD9 or length < 2:
                return
            yield marker, at + 4, at + 2 + length
            if marker == 0xDA:
                return
            at += 2 + length


def broken(why: str = "") -> ValueError:
    """The one form of message for a picture that cannot be used."""
    return ValueError(f"not a readable picture{why and f' ({why})'}; replace it")


def _large(size: str) -> ValueError:
    return ValueError(f"{size} pixels, and a picture may have {LIMIT // 1_000_000} million; make it smaller")


def _png(data: bytes | mmap) -> Header:
    head = data[8:33]
    if len(head) < 25:
        raise broken("cut off in its header")
    if head[:8] != b"\0\0\0\x0dIHDR":
        raise broken("a PNG without a header")
    return Header("PNG", int.from_bytes(head[12:16]), int.from_bytes(head[8:12]), 33)


def _jpeg(data: bytes | mmap) -> Header:
    size: tuple[int, int, int, int] | None = None
    for marker, at, end in segments(data):
        if marker in _FRAMES:
            if end > len(data) or end < at + 6:
                break
            size = int.from_bytes(data[at + 1 : at + 3]), int.from_bytes(data[at + 3 : at + 5]), marker, data[at + 5]
        elif marker == 0xDA:
            if size is None:
                raise broken("a JPEG without a frame")
            return Header("JPEG", size[0], size[1], end, *size[2:])
    raise broken("cut off in its header")


def _other(data: bytes | mmap) -> Header:
    try:
        with Image.open(io.BytesIO(data[:]), formats=OTHERS) as image:
            return Header(str(image.format), image.height, image.width, 0)
    except Image.DecompressionBombError:
        raise _large("many more") from None
    except UnidentifiedImageError:
        raise broken() from None
    except Exception as error:  # Pillow's readers raise whatever they stumble over
        raise broken(str(error)) from None
