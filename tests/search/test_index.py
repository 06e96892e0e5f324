"""Features on disk: both formats give back what was written, another network's are refused, damage is told by name."""

import dataclasses
import io
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sanreid.data import images
from sanreid.search import index, listing
from sanreid.search.index import Index


def made(folder, pids=True):
    features = np.eye(3, 5, dtype=np.float32)
    ids = (np.array([1, 2, -1]), np.array([1, 1, 2])) if pids else (None, None)
    return Index(folder, ["a.png", "b/ü.png", "c.png"], features, "strong", "0123", *ids)


@pytest.mark.parametrize("suffix", index.SUFFIXES)
@pytest.mark.parametrize("pids", [True, False])
def test_what_was_written_is_read(tmp_path, suffix, pids):
    file, before = tmp_path / f"features{suffix}", made(tmp_path, pids)
    index.write(before, file)
    after = index.read(file)
    for field in dataclasses.fields(Index):
        np.testing.assert_array_equal(getattr(after, field.name), getattr(before, field.name))


def test_a_stream_gets_parquet(tmp_path):
    stream = io.BytesIO()
    index.write(made(tmp_path), stream)
    stream.seek(0)
    assert list(pd.read_parquet(stream).columns) == ["path", "feature", "pid", "camid"]


def test_pictures_that_moved_with_their_features_are_found(tmp_path):
    images.write_rgb(tmp_path / "a.png", np.zeros((2, 2, 3), np.uint8))
    index.write(made(tmp_path / "gone"), tmp_path / "features.npz")
    assert index.read(tmp_path / "features.npz").place(0) == tmp_path / "a.png"


@pytest.mark.parametrize("name", ["features.parquet", "features.npz"])
def test_a_damaged_or_foreign_file_is_named(tmp_path, name):
    file = tmp_path / name
    with pytest.raises(FileNotFoundError, match=f"{name}: not found; `sanreid embed"):
        index.read(file)
    index.write(made(tmp_path), file)
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(ValueError, match=f"{name}: not readable"):
        index.read(file)
    if file.suffix == ".npz":
        np.savez(file, other=np.zeros(3))
    else:
        pd.DataFrame({"path": ["a"]}).to_parquet(file)
    with pytest.raises(ValueError, match=rf"{name}.*sanreid embed"):
        index.read(file)
    with pytest.raises(ValueError, match=r"x\.csv: features are written as"):
        index.write(made(tmp_path), tmp_path / "x.csv")


@pytest.mark.parametrize("suffix", index.SUFFIXES)
def test_a_changed_byte_of_a_feature_is_no_answer(tmp_path, suffix):
    file = tmp_path / f"features{suffix}"
    values = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    index.write(dataclasses.replace(made(tmp_path), features=values), file)
    data = bytearray(file.read_bytes())
    at = data.find(values[0, :2].tobytes())
    data[at] ^= 0xFF
    file.write_bytes(data)
    assert at > 0
    with pytest.raises(ValueError, match=rf"features\{suffix}: not readable"):
        index.read(file)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"pid": np.array([1])}, "not 3 whole numbers"),
        ({"camid": np.array(["x", "y", "z"])}, "not 3 whole numbers"),
        ({"note": np.array("[]")}, "does not say which network made it"),
        ({"note": np.array("{}")}, "does not say which network made it"),
        ({"feature": np.ones((2, 5), np.float32)}, r"shape \(2, 5\) for 3 pictures"),
        ({"feature": np.full((3, 5), np.nan, np.float32)}, "nan or infinite"),
        ({"feature": np.ones((0, 5), np.float32), "path": np.array([], np.str_)}, "for 0 pictures"),
    ],
)
def test_what_an_old_or_foreign_file_lacks_is_told(tmp_path, changed, words):
    file = tmp_path / "features.npz"
    index.write(made(tmp_path), file)
    with np.load(file) as opened:
        columns = dict(opened)
    np.savez(file, **columns | changed)
    with pytest.raises(ValueError, match=f"features.npz: not readable .*{words}.*sanreid embed"):
        index.read(file)


def test_a_picture_is_no_file_of_features(tmp_path):
    images.write_rgb(tmp_path / "a.png", np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(ValueError, match=r"a\.png: no features; name a folder of pictures"):
        index.read(tmp_path / "a.png")


def test_features_of_another_network_are_refused(tmp_path):
    class Other:
        name = "san"

        def digest(self):
            return "4567"

    with pytest.raises(ValueError, match=r"of strong \(0123\).*of san \(4567\)"):
        made(tmp_path).check(Other())


def test_names_tell_people_and_cameras_where_all_have_such_names(tmp_path):
    for name in ("0002_c1s1_000451_03.jpg", "sub/0007_c3s2_000001_01.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        images.write_rgb(tmp_path / name, np.zeros((2, 2, 3), np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.png").write_text("no picture")
    table = listing.pictures(tmp_path)
    assert table["path"].tolist() == ["0002_c1s1_000451_03.jpg", "sub/0007_c3s2_000001_01.jpg"]
    assert (table["pid"].tolist(), table["camid"].tolist()) == ([2, 7], [1, 3])
    images.write_rgb(tmp_path / "someone.png", np.zeros((2, 2, 3), np.uint8))
    assert list(listing.pictures(tmp_path).columns) == ["path"]
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "nowhere"):
        with pytest.raises(FileNotFoundError, match=folder):
            listing.pictures(tmp_path / folder)


@pytest.mark.parametrize(
    ("features", "paths", "words"),
    [
        (100 * np.eye(3, 5), ["a.png", "b.png", "c.png"], "not of unit length"),
        (np.eye(3, 5), ["a.png", None, "c.png"], "a row without a path"),
        (np.zeros((0, 5)), [], "for 0 pictures"),
    ],
)
def test_what_would_rank_wrongly_is_refused(tmp_path, features, paths, words):
    file = tmp_path / "features.parquet"
    index.write(made(tmp_path, pids=False), file)
    note = pq.read_schema(file).metadata
    columns = {"path": pa.array(paths, pa.string()), "feature": index.packed(features.astype(np.float32))}
    pq.write_table(pa.table(columns, metadata=note), file)
    with pytest.raises(ValueError, match=f"features.parquet: not readable .*{words}"):
        index.read(file)


def test_pictures_that_are_gone_or_newer_are_named(tmp_path):
    for name in ("a.png", "c.png"):
        (tmp_path / name).touch()
    os.utime(tmp_path / "a.png", ns=(5, 5))
    assert made(tmp_path).outdated([0, 2, 1, 1], since=5) == ["b/ü.png", "c.png"]
    assert made(tmp_path).outdated([0], since=5) == []
