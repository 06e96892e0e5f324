"""The IDX reader against hand-packed files."""

import gzip
import struct

import numpy as np
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
