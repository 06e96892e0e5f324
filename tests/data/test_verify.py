"""Every way in which a picture is broken is told, and what programs and cameras write is not."""

import io
import time
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from sanreid.data import image_headers, verify
from tests.data import broken_pictures as made

BROKEN = made.everything()


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_file_is_refused(name):
    with pytest.raises(ValueError, match=r"(not a readable picture.*; replace it|pixels, and a picture may have)"):
        verify.verify(BROKEN[name])


def test_what_is_wrong_is_said():
    for name, words in (
        ("empty", "an empty file"),
        ("jpeg_cut", "cut off"),
        ("jpeg_hole", "a hole of zeros"),
        ("png_hole", "a wrong checksum at byte"),
        ("png_width_0", "0 x 40 pixels"),
        ("jpeg_width_0", "0 x 96 pixels"),
        ("png_few_rows", "last rows are missing"),
        ("png_bomb_by_its_header", "60000 x 60000 pixels, and a picture may have 100 million; make it smaller"),
    ):
        with pytest.raises(ValueError, match=words):
            verify.verify(BROKEN[name])


@pytest.mark.parametrize("quality", [30, 75, 95])
@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"optimize": True}, {"subsampling": "4:4:4"}])
def test_a_jpeg_cut_off_or_with_a_hole_anywhere_is_refused(quality, how):
    whole = made.encoded("JPEG", quality=quality, **how)
    body = image_headers.read(whole).body
    for share in (0.05, 0.3, 0.6, 0.9):
        at = body + int(share * (len(whole) - body - 2))
        with pytest.raises(ValueError, match="cut off"):
            verify.verify(whole[:at])
        with pytest.raises(ValueError, match="not a readable picture"):
            verify.verify(whole[:at] + bytes(len(whole) - at))


def sane() -> dict[str, bytes]:
    """Files that are in order, whatever a strict reader may think of them."""
    image, jpeg = made.photograph(), made.encoded()
    flat = Image.new("RGB", (400, 300), (90, 90, 90))
    exif = Image.Exif()
    exif[0x0112], exif[0x927C] = 6, b"\xff\xd9" + bytes(500)  # turned; the maker's note, with a thumbnail's end
    adobe = bytearray(made.encoded(image=image.convert("CMYK")))
    jfif = bytearray(jpeg)
    jfif[11] = 7
    scan = bytearray(jpeg)
    body = image_headers.read(jpeg).body
    scan[body - 3 : body] = bytes(3)  # what some telephones wrote
    several = io.BytesIO()
    image.save(several, "MPO", save_all=True, append_images=[made.photograph(40, 40)])
    return {
        "jpeg": jpeg,
        "grey": made.encoded(image=image.convert("L")),
        "progressive": made.encoded(progressive=True),
        "one pixel": made.encoded(image=Image.new("RGB", (1, 1))),
        "flat": made.encoded(image=flat),
        "flat, own tables": made.encoded(image=flat, optimize=True, quality=20),
        "restarts": made.encoded(restart_marker_rows=1),
        "turned": made.encoded(exif=exif),
        "cmyk": bytes(adobe),
        "RGB inside": made.encoded(keep_rgb=True),
        "a number of images": several.getvalue(),
        "and its second one lost": several.getvalue()[: len(jpeg) + 300],
        "bytes after the end": jpeg + b"camera's own" + bytes(100),
        "bytes before the end": jpeg[:-2] + bytes(6) + jpeg[-2:],
        "odd version": bytes(jfif),
        "odd scan header": bytes(scan),
        "png": made.encoded("PNG"),
        "png, grey with alpha": made.encoded("PNG", image.convert("LA")),
        "png, palette": made.encoded("PNG", image.convert("P")),
        "png, one bit": made.encoded("PNG", image.convert("1")),
        "png, 16 bits": cv2.imencode(".png", np.full((5, 7), 40000, np.uint16))[1].tobytes(),
        "png, bytes after the end": made.encoded("PNG") + b"more",
        **{kind: made.encoded(kind) for kind in ("BMP", "GIF", "PPM", "TIFF", "WEBP")},
    }


SANE = sane()


@pytest.mark.parametrize("name", SANE)
def test_what_programs_and_cameras_write_is_taken(name):
    header = verify.verify(SANE[name])
    assert header[1:3] == cv2.imdecode(np.frombuffer(SANE[name], np.uint8), cv2.IMREAD_UNCHANGED).shape[:2]


def test_an_interlaced_png_is_counted_pass_by_pass():
    passes = ((1, 1), (1, 1), (1, 2), (2, 1), (1, 3), (3, 2), (2, 5))  # rows and columns of each
    rows = b"".join(bytes(rows * (1 + columns)) for rows, columns in passes)
    data = made.png(5, 5, b"")
    header = data[16:28] + b"\x01"
    laced = data[:8] + made.chunk(b"IHDR", header)

    def whole(rows):
        return laced + made.chunk(b"IDAT", zlib.compress(rows)) + made.chunk(b"IEND", b"")

    verify.verify(whole(rows))
    with pytest.raises(ValueError, match="last rows are missing"):
        verify.verify(whole(rows[:-1]))


def test_a_large_photograph_is_taken_and_a_bomb_costs_nothing():
    verify.verify(made.encoded(image=Image.new("RGB", (6720, 4480), (9, 9, 9))))
    start = time.process_time()
    for name in ("png_bomb", "png_bomb_by_its_header"):
        with pytest.raises(ValueError, match="may have 100 million"):
            image_headers.read(BROKEN[name])
    assert time.process_time() - start < 5  # no pixel of it was made


def test_an_array_is_as_large_as_it_declares():
    file = io.BytesIO()
    np.save(file, np.zeros((8, 8, 2), np.int16))
    verify.verify_array(file.getvalue())
    absurd = file.getvalue().replace(b"(8, 8, 2), }  ", b"(8888888888,)}")
    for wrong in (file.getvalue()[:-1], file.getvalue()[:20], b"", b"text", absurd):
        with pytest.raises(ValueError, match="not a readable array"):
            verify.verify_array(wrong)
    file = io.BytesIO()
    np.save(file, np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match="not a readable array"):
        verify.verify_array(file.getvalue())
