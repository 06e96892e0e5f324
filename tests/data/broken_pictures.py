"""Files that are no whole pictures, each as it comes about, for the tests of every reader."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def photograph(width: int = 48, height: int = 96) -> Image.Image:
    """Smooth with some noise, as photographs are; the same in every call."""
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 3, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    return Image.fromarray((smooth + rng.integers(-9, 10, smooth.shape)).clip(0, 255).astype(np.uint8))


def encoded(kind: str = "JPEG", image: Image.Image | None = None, **options: object) -> bytes:
    """The file of a picture, `photograph` where none is given."""
    file = io.BytesIO()
    (image or photograph()).save(file, kind, **options)
    return file.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, rows: bytes | None = None) -> bytes:
    """A grey PNG that declares this size; `rows` as the standard has them, or the size's own number of zeros."""
    rows = bytes(height * (width + 1)) if rows is None else rows
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def hole(data: bytes, size: int) -> bytes:
    """`data` with zeros for `size` bytes in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes(size) + data[middle + size :]


def half_zeros(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes(len(data) - len(data) // 2)


def everything(width: int = 48, height: int = 96) -> dict[str, bytes]:
    """Every broken file by what was done to it, most of a picture of this size."""
    image = photograph(width, height)
    jpeg, progressive, still = encoded(image=image), encoded(image=image, progressive=True), encoded("PNG", image)
    wide = bytearray(jpeg)
    frame = jpeg.index(b"\xff\xc0")
    wide[frame + 7 : frame + 9] = b"\0\0"
    return {
        "empty": b"",
        "text": b"<html>not found</html>",
        "jpeg_cut": jpeg[: len(jpeg) // 2],
        "jpeg_cut_in_its_header": jpeg[:100],
        "jpeg_of_its_start": jpeg[:3],
        "jpeg_without_its_end": jpeg[:-2],
        "jpeg_half_zeros": half_zeros(jpeg),
        "jpeg_hole": hole(jpeg, 64),
        "jpeg_large_hole": hole(jpeg, 512),
        "jpeg_width_0": bytes(wide),
        "progressive_cut": progressive[: len(progressive) // 2],
        "progressive_hole": hole(progressive, 64),
        "png_cut": still[: len(still) // 2],
        "png_of_its_signature": still[:8],
        "png_without_its_end": still[:-12],
        "png_half_zeros": half_zeros(still),
        "png_hole": hole(still, 16),
        "png_width_0": png(0, 40),
        "png_few_rows": png(40, 40, bytes(41 * 20)),
        "png_too_many_rows": png(40, 40, bytes(41 * 2000)),
        "png_bomb_by_its_header": png(60_000, 60_000, b"\0"),
        "png_bomb": png(20_000, 20_000, bytes(1000)),
        "bmp_cut": encoded("BMP", image)[:2000],
        "gif_cut": encoded("GIF", image)[:700],
        "webp_cut": encoded("WEBP", image)[:200],
        "tiff_cut": encoded("TIFF", image)[:300],
        "ppm_cut": encoded("PPM", image)[:900],
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
    }
