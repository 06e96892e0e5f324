"""Pictures that people send: bounded, upright, and refused in words for people."""

import io

import numpy as np
import pytest
from PIL import Image

from app import pictures


def jpeg(width: int, height: int, orientation: int = 1, quality: int = 80) -> bytes:
    """A red picture with a blue left third."""
    image = Image.new("RGB", (width, height), (200, 30, 30))
    image.paste((20, 40, 220), (0, 0, width // 3, height))
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif, quality=quality)
    return file.getvalue()


def opened(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        assert image.getexif().get(0x0112, 1) == 1  # nothing turns it again
        return np.asarray(image.convert("RGB"), int)


def test_thirty_megapixels_are_shrunk_and_turned():
    found = pictures.upload(jpeg(6000, 5000, orientation=6))  # lies on its side: upright it is 5000 x 6000
    assert (found.height, found.width, found.suffix) == (6000, 5000, ".png")
    pixels = opened(found.data)
    assert pixels.shape[0] * pixels.shape[1] <= 1.01 * pictures.LARGE
    assert pixels.shape[0] / pixels.shape[1] == pytest.approx(6 / 5, abs=0.01)
    top, bottom = pixels[5, 5], pixels[-5, 5]  # the blue third was left and is on top
    assert top[2] > 150 > top[0]
    assert bottom[0] > 150 > bottom[2]


def test_a_small_picture_stays_as_it_was_sent():
    data = jpeg(64, 128)
    found = pictures.upload(data)
    assert found.data is data
    assert pictures.thumbnail(data, 192, 192) == (data, "image/jpeg")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"%PDF-1.7 and more of it", "not a readable picture"),
        (jpeg(64, 128)[:900], "cut off"),
        (jpeg(5, 300), "5 x 300 pixels are too few"),
        (jpeg(300, 7, orientation=6), "7 x 300 pixels are too few"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(data, words):
    with pytest.raises(ValueError, match=words) as told:
        pictures.upload(data)
    assert "\n" not in str(told.value)


def test_a_thumbnail_is_kept_until_the_picture_changes(tmp_path):
    file, kept = tmp_path / "a.jpg", tmp_path / "kept"
    file.write_bytes(jpeg(900, 1200, orientation=3))
    small = pictures.kept_thumbnail(file, 192, kept)
    assert max(opened(small.data).shape) == 192
    assert opened(small.data)[96, 140][2] > 150  # turned by half: blue is on the right
    [made] = kept.rglob("*.jpg")
    made.write_bytes(b"kept")
    assert pictures.kept_thumbnail(file, 192, kept).data == b"kept"
    file.write_bytes(jpeg(900, 1100))
    assert opened(pictures.kept_thumbnail(file, 192, kept).data).shape == (192, 157, 3)


def test_a_thumbnail_that_cannot_be_kept_is_shown(tmp_path):
    file = tmp_path / "a.jpg"
    file.write_bytes(jpeg(900, 1200))
    assert max(opened(pictures.kept_thumbnail(file, 192, file / "no folder").data).shape) == 192
