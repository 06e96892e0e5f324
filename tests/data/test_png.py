import io
import zlib

import numpy as np
import pytest
from PIL import Image

from sanreid.data import png


def paeth(rows: np.ndarray, channels: int) -> bytes:
    """The specification's filter 4 (section 9.4), byte by byte."""
    out = bytearray()
    for y, row in enumerate(rows.astype(int)):
        out.append(4)
        for x, value in enumerate(row):
            a = row[x - channels] if x >= channels else 0
            b = int(rows[y - 1, x]) if y else 0
            c = int(rows[y - 1, x - channels]) if y and x >= channels else 0
            p = a + b - c
            near = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            out.append((value - near) % 256)
    return bytes(out)


def scanlines(file: bytes) -> bytes:
    start = file.index(b"IDAT")
    length = int.from_bytes(file[start - 4 : start], "big")
    return zlib.decompress(file[start + 4 : start + 4 + length])


@pytest.mark.parametrize(
    "shape", [(1, 1, 3), (1, 1), (1, 7, 3), (9, 1), (9, 1, 3), (13, 11, 3), (28, 28), (250, 97, 3)]
)
@pytest.mark.parametrize("kind", ["noise", "few values", "ramp"])
def test_a_png_is_the_picture(shape, kind):
    rng = np.random.default_rng(len(shape))
    image = {
        "noise": rng.integers(0, 256, shape),
        "few values": rng.choice([0, 1, 128, 254, 255], shape),
        "ramp": np.add.outer(np.arange(shape[0]), np.arange(np.prod(shape[1:]))).reshape(shape) % 256,
    }[kind].astype(np.uint8)
    file = png.encode(image)
    with Image.open(io.BytesIO(file)) as picture:
        picture.verify()  # every checksum
    with Image.open(io.BytesIO(file)) as picture:
        assert picture.mode == ("RGB" if image.ndim == 3 else "L")
        assert np.array_equal(np.asarray(picture), image)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_filter_is_the_specifications(channels):
    rng = np.random.default_rng(channels)
    rows = rng.choice([0, 1, 2, 100, 101, 254, 255], (40, 31 * channels)).astype(np.uint8)
    assert scanlines(png.encode(rows.reshape(40, 31, 3) if channels == 3 else rows)) == paeth(rows, channels)


def test_views_are_encoded_as_they_look():
    image = np.random.default_rng(0).integers(0, 256, (3, 6, 8), dtype=np.uint8).transpose(2, 1, 0)
    with Image.open(io.BytesIO(png.encode(image))) as picture:
        assert np.array_equal(np.asarray(picture), image)
