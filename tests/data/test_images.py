"""Pictures on disk: RGB stays RGB, PNG is lossless, nothing wraps around unseen."""

import os

import cv2
import numpy as np
import pytest
from PIL import Image

from sanreid.data import images
from tests.data import broken_pictures as made


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (19, 7, 3), dtype=np.uint8)


def test_red_is_red_for_another_library(tmp_path):
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    images.write_rgb(tmp_path / "red.png", red)
    assert Image.open(tmp_path / "red.png").convert("RGB").getpixel((1, 1)) == (255, 0, 0)
    Image.fromarray(red).save(tmp_path / "pil.png")
    assert images.read_rgb(tmp_path / "pil.png")[0, 0].tolist() == [255, 0, 0]


def test_png_keeps_every_pixel(tmp_path, picture):
    images.write_rgb(tmp_path / "p.png", picture)
    np.testing.assert_array_equal(images.read_rgb(tmp_path / "p.png"), picture)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "p.png")), picture)


def test_a_view_that_is_not_contiguous_is_written_right(tmp_path, picture):
    turned = picture.transpose(1, 0, 2)
    images.write_rgb(tmp_path / "t.png", turned)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "t.png")), turned)


def test_grey_stays_one_channel(tmp_path, picture):
    images.write_rgb(tmp_path / "g.png", picture[..., 1])
    assert Image.open(tmp_path / "g.png").mode == "L"
    np.testing.assert_array_equal(images.read_rgb(tmp_path / "g.png"), np.repeat(picture[..., 1:2], 3, axis=2))


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8)])
def test_floats_and_wrong_shapes_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"p\.png: wants uint8"):
        images.write_rgb(tmp_path / "p.png", wrong)


def test_png_is_about_as_small_as_pillows(tmp_path):
    smooth = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (160, 60, 3), dtype=np.uint8), (0, 0), 2)
    images.write_rgb(tmp_path / "ours.png", smooth)
    Image.fromarray(smooth).save(tmp_path / "pillow.png", compress_level=9)
    assert (tmp_path / "ours.png").stat().st_size < 1.1 * (tmp_path / "pillow.png").stat().st_size


def test_missing_and_broken_pictures_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.png: not found"):
        images.read_rgb(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"b\.png: not a readable picture"):
        images.read_rgb(tmp_path / "b.png")
    with pytest.raises(ValueError, match=r"b\.png: not a readable picture"):
        images.size(tmp_path / "b.png")


def test_a_folder_that_does_not_exist_is_named(tmp_path, picture):
    with pytest.raises(OSError, match="could not be written"):
        images.write_rgb(tmp_path / "nowhere" / "p.png", picture)


def test_size_is_height_and_width(tmp_path, picture):
    images.write_rgb(tmp_path / "p.png", picture)
    assert images.size(tmp_path / "p.png") == (19, 7)


def test_streams_longer_than_the_window_arrive_whole(tmp_path):
    count = images.IN_FLIGHT * 2 + 3
    images.write_all(tmp_path, ((f"a/{i % 3}/{i}.png", np.full((3, 2, 3), i, np.uint8)) for i in range(count)))
    for i in range(count):
        assert images.read_rgb(tmp_path / f"a/{i % 3}/{i}.png")[0, 0, 0] == i
    images.copy_all(tmp_path, ((f"b/{i}.png", tmp_path / f"a/{i % 3}/{i}.png") for i in range(count)))
    assert (tmp_path / "b/5.png").read_bytes() == (tmp_path / "a/2/5.png").read_bytes()
    assert len(images.files(tmp_path / "b")) == count


def test_an_error_in_a_thread_is_raised(tmp_path):
    with pytest.raises(ValueError, match="wants uint8"):
        images.write_all(tmp_path, [("a.png", np.zeros((2, 2, 3)))])
    with pytest.raises(FileNotFoundError):
        images.copy_all(tmp_path, [("a.png", tmp_path / "none.png")])


def test_files_are_sorted_and_thumbnails_left_out(tmp_path):
    for name in ("b.jpg", "a.PNG", "Thumbs.db", ".hidden.png", "._b.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.jpg").mkdir()
    assert [p.name for p in images.files(tmp_path)] == ["a.PNG", "b.jpg"]
    with pytest.raises(FileNotFoundError, match="no such folder"):
        images.files(tmp_path / "none")


BROKEN = made.everything()
CHEAP = [name for name in BROKEN if not name.endswith("hole") and "rows" not in name and name != "png_half_zeros"]


@pytest.mark.parametrize("read", [images.read_rgb, images.read_grey])
@pytest.mark.parametrize(
    "name", [n for n in CHEAP if n.split("_")[0] in ("empty", "text", "jpeg", "png", "postscript")]
)
def test_what_is_read_later_is_held_against_its_header_and_its_end(tmp_path, name, read):
    (tmp_path / "x.png").write_bytes(BROKEN[name])
    with pytest.raises(
        ValueError, match=r"x\.png: (not a readable picture.*; replace it|.* a picture may have 100 mil)"
    ):
        read(tmp_path / "x.png")


def test_pixels_are_opencvs_own(tmp_path, picture):
    turned = Image.Exif()
    turned[0x0112] = 6
    for suffix, kind in ((".jpg", "JPEG"), (".png", "PNG"), (".webp", "WEBP")):
        path = tmp_path / f"p{suffix}"
        path.write_bytes(made.encoded(kind, exif=turned))
        np.testing.assert_array_equal(images.read_rgb(path), cv2.imread(str(path))[..., ::-1])
        np.testing.assert_array_equal(images.read_grey(path), cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
    assert images.read_rgb(tmp_path / "p.jpg").shape == (48, 96, 3)
    assert images.size(tmp_path / "p.jpg") == (96, 48), "as it is stored"


def test_folders_devices_and_huge_files_are_named(tmp_path):
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(images.LARGEST + 1)
    for call in (images.read_rgb, images.load):
        with pytest.raises(OSError, match=r"folder\.png: a folder, not a picture"):
            call(tmp_path / "folder.png")
        with pytest.raises(OSError, match=r"pipe\.png: a device, not a picture"):
            call(tmp_path / "pipe.png")
        with pytest.raises(ValueError, match=r"huge\.png: 1024 MB, too large for a picture"):
            call(tmp_path / "huge.png")
    with pytest.raises(OSError, match="cannot be read"):
        images.read_rgb(tmp_path / ("x" * 300 + ".png"))
    for missing in (images.size, images.load):
        with pytest.raises(FileNotFoundError, match=r"none\.png: not found"):
            missing(tmp_path / "none.png")
    with pytest.raises(OSError, match=r"folder\.png: a folder"):
        images.size(tmp_path / "folder.png")


def test_a_copy_is_the_same_bytes_and_what_is_broken_is_named_or_returned(tmp_path):
    sources = {f"{i}.jpg": tmp_path / f"{i}.jpg" for i in range(5)}
    for path in sources.values():
        path.write_bytes(made.encoded())
    for i, name in ((3, "jpeg_cut"), (1, "empty")):
        sources[f"{i}.jpg"].write_bytes(BROKEN[name])
    lost = images.copy_all(tmp_path / "out", sources.items(), broken="leave_out")
    assert lost == {"1.jpg": "not a readable picture (an empty file)", "3.jpg": "not a readable picture (cut off)"}
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["0.jpg", "2.jpg", "4.jpg"]
    assert (tmp_path / "out/4.jpg").read_bytes() == made.encoded()
    with pytest.raises(
        images.RefusedError, match=r"1\.jpg: not a readable picture \(an empty file\); replace it"
    ) as error:
        images.copy_all(tmp_path / "out", sources.items())
    assert error.value.name == "1.jpg"
    assert images.copy_all(tmp_path / "out", [("4.jpg", sources["4.jpg"])]) == {}


def test_an_array_that_is_not_whole_is_never_left_out(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(9))
    images.copy_all(tmp_path / "out", [("a.npy", tmp_path / "a.npy")])
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-3])
    with pytest.raises(ValueError, match=r"a\.npy: not a readable array \(declares 72 bytes, holds 69\)"):
        images.copy_all(tmp_path / "out", [("a.npy", tmp_path / "a.npy")], broken="leave_out")


def test_opencv_says_nothing_of_its_own(tmp_path, capfd):
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(ValueError, match=r"float\.tiff: not a readable picture"):
        images.read_rgb(tmp_path / "float.tiff")
    assert capfd.readouterr() == ("", "")
