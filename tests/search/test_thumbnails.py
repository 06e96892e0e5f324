"""A picture looks on a page as the network sees it, whatever kind of file it is."""

import io

import numpy as np
import pytest
from PIL import Image

from sanreid.data import image_headers, images
from sanreid.search import thumbnails


def picture(mode: str) -> Image.Image:
    """A slope of red and a slope of blue, 120 x 240, in a mode of Pillow's."""
    y, x = np.mgrid[:240, :120]
    pixels = np.stack([x * 2, np.full_like(x, 90), y], -1).astype(np.uint8)
    image = Image.fromarray(pixels)
    if mode == "I;16":
        return Image.fromarray(y.astype(np.uint16) * 257)
    if mode == "RGBA":
        return Image.fromarray(np.dstack([pixels, np.where(x < 60, 0, 255).astype(np.uint8)]))
    return image.convert(mode)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("L", "PNG"), ("P", "PNG"), ("P", "GIF"), ("RGBA", "PNG"), ("LA", "PNG"), ("CMYK", "JPEG"), ("RGB", "WEBP"),
     ("I;16", "PNG"), ("I;16", "TIFF"), ("RGB", "TIFF"), ("RGB", "PPM"), ("RGB", "BMP")],
)  # fmt: skip
def test_a_thumbnail_shows_what_the_network_sees(tmp_path, mode, kind):
    file = tmp_path / f"a.{kind.lower()}"
    picture(mode).save(file, kind)
    seen = images.read_rgb(file).astype(float)
    small = np.asarray(Image.open(io.BytesIO(thumbnails.jpeg(file.read_bytes(), 60, 120))), float)
    assert small.shape == (120, 60, 3)
    assert np.abs(small - seen.reshape(120, 2, 60, 2, 3).mean((1, 3))).mean() < 4


def test_a_small_picture_that_a_browser_knows_stays_as_it_is():
    stream = io.BytesIO()
    picture("RGB").save(stream, "PNG")
    data = stream.getvalue()
    assert thumbnails.thumbnail(data, 240, 240) == (data, "image/png")
    assert thumbnails.thumbnail(data, 240, 120).kind == "image/jpeg"


@pytest.mark.filterwarnings("error")
def test_a_picture_within_the_bound_is_opened_without_pillows_warning():
    file = io.BytesIO()
    Image.new("1", (9700, 9800)).save(file, "PNG")
    assert image_headers.read(file.getvalue()).height == 9800
    Image.open(file).close()
