"""Stage extract_mnist on hand-packed IDX files."""

import json
import struct

import numpy as np
import pytest
from PIL import Image

from sanreid.data import index
from stages import extract_mnist


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    for prefix, labels in (("train", [3, 3, 0]), ("t10k", [9])):
        body = b"".join(bytes([40 * i + d]) * 784 for i, d in enumerate(labels))
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 2051, len(labels), 28, 28) + body)
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, len(labels)) + bytes(labels))
    return folder


def test_a_folder_a_digit_and_a_summary(raw, tmp_path):
    out = tmp_path / "interim"
    extract_mnist.main(raw, out)
    table = index.read(out)
    assert list(table["path"]) == [
        "images/train/3/00000.png",
        "images/train/3/00001.png",
        "images/train/0/00002.png",
        "images/test/9/00000.png",
    ]
    with Image.open(out / table["path"][1]) as picture:
        assert picture.mode == "L"
        np.testing.assert_array_equal(np.asarray(picture), np.full((28, 28), 43))
    assert json.loads((out / "summary.json").read_text()) == {
        "people": 3,
        "images": 4,
        "cameras": 0,
        "splits": {"train": {"people": 2, "images": 3}, "test": {"people": 1, "images": 1}},
        "images_by_digit": {"train": {"0": 1, "3": 2}, "test": {"9": 1}},
    }


def test_a_wrong_count_leaves_nothing(raw, tmp_path):
    (raw / "t10k-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, 2) + bytes(2))
    with pytest.raises(ValueError, match=r"1 images, .* 2 labels"):
        extract_mnist.main(raw, tmp_path / "interim")
    assert [p.name for p in tmp_path.iterdir()] == ["raw"]
