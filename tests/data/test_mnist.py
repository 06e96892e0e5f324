"""The IDX reader against hand-packed files."""

import gzip
import resource
import struct
import zlib

import numpy as np
import pandas as pd
import pytest

from sanreid.data import mnist

TRAIN, TEST = [5, 0, 4, 1, 9, 2], [7, 2, 1]
NAMES = {"train": TRAIN, "t10k": TEST}


def picture(split, i):
    return (np.arange(28 * 28).reshape(28, 28) * (3 if split == "train" else 7) + i).astype(np.uint8)


def packed(magic, *shape, body=b""):
    return struct.pack(f">{1 + len(shape)}I", magic, *shape) + body


def write(folder, name, content, zipped):
    path = folder / (name + (".gz" if zipped else ""))
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path


@pytest.fixture(params=[False, True], ids=["plain", "gz"])
def raw(tmp_path, request):
    for split, labels in NAMES.items():
        body = b"".join(picture(split, i).tobytes() for i in range(len(labels)))
        write(tmp_path, f"{split}-images-idx3-ubyte", packed(2051, len(labels), 28, 28, body=body), request.param)
        write(tmp_path, f"{split}-labels-idx1-ubyte", packed(2049, len(labels), body=bytes(labels)), request.param)
    return tmp_path


def test_every_digit_has_its_label_and_its_place(raw):
    table, pictures = mnist.read(raw)
    assert list(table["pid"]) == TRAIN + TEST
    assert list(table["split"]) == ["train"] * 6 + ["test"] * 3
    assert table["camid"].isna().all()
    assert [str(table[c].dtype) for c in ("pid", "camid")] == ["int64", "Int64"]
    assert table["path"][0] == "images/train/5/00000.png"
    assert table["path"][8] == "images/test/1/00002.png"
    seen = list(pictures)
    assert [path for path, _ in seen] == list(table["path"])
    for row, (_, image) in enumerate(seen):
        split, i = ("train", row) if row < 6 else ("t10k", row - 6)
        assert image.shape == (28, 28, 3)
        for channel in range(3):
            np.testing.assert_array_equal(image[..., channel], picture(split, i))


def test_grey_pictures_are_as_published(raw):
    _, pictures = mnist.read_grey(raw)
    np.testing.assert_array_equal(next(iter(pictures))[1], picture("train", 0))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("train-images-idx3-ubyte", packed(2049, 6, 28, 28, body=bytes(6 * 784)), "magic number 2049, not 2051"),
        ("t10k-labels-idx1-ubyte", packed(2051, 3, body=bytes(3)), "magic number 2051, not 2049"),
        ("train-images-idx3-ubyte", struct.pack("<4I", 2051, 6, 28, 28) + bytes(6 * 784), "magic number"),
        ("train-images-idx3-ubyte", packed(2051, 7, 28, 28, body=bytes(6 * 784)), "7 x 28 x 28 = 5488 bytes .* 4704"),
        ("train-images-idx3-ubyte", packed(2051, 5, 28, 28, body=bytes(6 * 784)), "5 x 28 x 28 = 3920 bytes"),
        ("train-images-idx3-ubyte", packed(2051, 5, 28, 28, body=bytes(5 * 784)), "5 images, .* 6 labels"),
        ("t10k-labels-idx1-ubyte", packed(2049, 3, body=bytes([1, 10, 2])), "label 1 is 10"),
        ("t10k-labels-idx1-ubyte", b"\0\0", "too short for an IDX file"),
    ],
)
def test_each_malformed_file_is_named(raw, name, content, words):
    zipped = (raw / f"{name}.gz").exists()
    write(raw, name, content, zipped)
    with pytest.raises(ValueError, match=f"{name}.*{words}"):
        mnist.read(raw)


def test_a_truncated_gzip_is_named(raw):
    path = raw / "t10k-images-idx3-ubyte.gz"
    (raw / "t10k-images-idx3-ubyte").unlink(missing_ok=True)
    path.write_bytes(gzip.compress(packed(2051, 3, 28, 28, body=bytes(3 * 784)))[:-9])
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte\.gz: not a whole gzip file"):
        mnist.read(raw)


def test_an_absent_file_is_named(raw):
    for path in raw.glob("train-labels*"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"train-labels-idx1-ubyte\[\.gz\]: not found"):
        mnist.read(raw)


@pytest.mark.parametrize("pattern", ["{}.idx{}", "{}-idx{}"])
@pytest.mark.parametrize("inside", ["", "raw", "MNIST/raw"])
def test_every_name_and_folder_of_the_files_is_known(raw, tmp_path, pattern, inside):
    expected = mnist.read(raw)[0]
    folder = tmp_path / "download"
    (folder / inside).mkdir(parents=True)
    for path in list(raw.glob("*-ubyte*")):
        path.rename(folder / inside / path.name.replace("-idx", pattern[2:-2]))
    pd.testing.assert_frame_equal(mnist.read(folder)[0], expected)


def test_the_unpacked_file_is_read_where_both_are_there_and_no_folder_is_mixed_with_another(raw):
    for path in list(raw.glob("*-ubyte")):
        path.with_name(path.name + ".gz").write_bytes(b"something else")
    assert len(mnist.read(raw)[0]) == 9
    (raw / "raw").mkdir()
    for path in raw.glob("t10k-labels*"):
        path.rename(raw / "raw" / path.name)
    with pytest.raises(FileNotFoundError, match=rf"{raw}/t10k-labels-idx1-ubyte\[\.gz\]: not found"):
        mnist.read(raw)


def test_what_a_file_is_its_bytes_say(raw):
    """A browser unpacks on the way and keeps the name; somebody renames."""
    for path in list(raw.glob("*-ubyte.gz")):
        path.write_bytes(gzip.decompress(path.read_bytes()))
    for path in list(raw.glob("*-ubyte")):
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert len(mnist.read(raw)[0]) == 9


@pytest.mark.parametrize("prefix", ["train", "t10k"])
def test_a_file_without_images_is_refused(raw, prefix):
    zipped = (raw / "train-images-idx3-ubyte.gz").exists()
    write(raw, f"{prefix}-images-idx3-ubyte", packed(2051, 0, 28, 28), zipped)
    write(raw, f"{prefix}-labels-idx1-ubyte", packed(2049, 0), zipped)
    with pytest.raises(ValueError, match=rf"{prefix}-images-idx3-ubyte.*: holds no images"):
        mnist.read(raw)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (packed(2051, 6, 100_000, 100_000), r"6 x 100000 x 100000, and MNIST's images are 28 x 28"),
        (packed(2051, 6, 32, 32, body=bytes(6 * 1024)), r"6 x 32 x 32, and MNIST's images are 28 x 28"),
        (packed(2051, 2**32 - 1, 28, 28), r"= 3367254359280 bytes and holds at most"),
        (packed(2051, 6, 28, 28, body=bytes(7 * 784)), r"6 x 28 x 28 = 4704 bytes and holds more"),
    ],
)
def test_what_a_header_says_is_not_believed(raw, content, words):
    write(raw, "train-images-idx3-ubyte", content, (raw / "train-images-idx3-ubyte.gz").exists())
    with pytest.raises(ValueError, match=rf"train-images-idx3-ubyte.*{words}"):
        mnist.read(raw)


def test_a_gzip_bomb_is_not_unfolded(raw):
    (raw / "train-images-idx3-ubyte").unlink(missing_ok=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    packer = zlib.compressobj(1, wbits=31)
    bomb = packer.compress(packed(2051, 6, 28, 28))
    bomb += b"".join(packer.compress(bytes(1 << 20)) for _ in range(400)) + packer.flush()
    (raw / "train-images-idx3-ubyte.gz").write_bytes(bomb)
    with pytest.raises(ValueError, match=r"ubyte\.gz: says 6 x 28 x 28 = 4704 bytes and holds more"):
        mnist.read(raw)
    huge = zlib.compressobj(1, wbits=31)
    head = packed(2051, 2 * 10**6, 28, 28)
    (raw / "train-images-idx3-ubyte.gz").write_bytes(huge.compress(head) + huge.flush() + bytes(2 * 10**6))
    with pytest.raises(ValueError, match=r"= 1568000000 bytes, more than the 1073741824 allowed"):
        mnist.read(raw)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_a_wrong_checksum_is_refused(raw):
    if not (path := raw / "t10k-images-idx3-ubyte.gz").exists():
        pytest.skip("an unpacked file has none")
    whole = bytearray(path.read_bytes())
    whole[-7] ^= 4
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte\.gz: not a whole gzip file \(CRC"):
        mnist.read(raw)
