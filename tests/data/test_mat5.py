"""The reader of MAT v5 against scipy's, on files of MATLAB's own, and what it says of damaged ones."""

import random
import resource
import struct
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from sanreid.data import mat5

CONTENT = {
    "numbers": np.array([[1, 2.5, -3], [4, 5, 6]]),
    "small": np.arange(6, dtype=np.uint16).reshape(3, 2),
    "flags": np.array([[True, False]]),
    "empty": np.empty((0, 0)),
    "text": "two words",
    "unicode": "Zürich",
    "rows": np.array(["ab", "cd"]),
    "cells": np.array([["a.png", "b.png"], [np.array([[7.0]]), "c"]], dtype=object),
    "struct": {"x": np.array([[1.0]]), "inner": {"name": "deep"}},
}


def plain(value):
    """scipy's answer, as `mat5.read` gives it."""
    if isinstance(value, np.ndarray) and value.dtype.names:
        rows = [{name: plain(row[name]) for name in value.dtype.names} for row in value.ravel(order="F")]
        return rows[0] if len(rows) == 1 else rows
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [plain(cell) for cell in value.ravel(order="F")]
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        rows = [str(row) for row in value.ravel()] or [""]
        return rows[0] if len(rows) == 1 else rows
    return value


def same(one, other):
    if other is None:  # complex, sparse and so on
        return True
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.shape == other.shape and np.array_equal(one, other)
    return one == other


def by_scipy(path):
    return {name: plain(value) for name, value in scipy.io.loadmat(path).items() if not name.startswith("__")}


@pytest.mark.parametrize("packed", [False, True])
def test_every_kind_of_value_is_scipys(tmp_path, packed):
    scipy.io.savemat(tmp_path / "a.mat", CONTENT, do_compression=packed)
    found = mat5.read(tmp_path / "a.mat")
    assert found.keys() == CONTENT.keys()
    assert same(by_scipy(tmp_path / "a.mat"), found)
    assert found["cells"] == ["a.png", np.array([[7.0]]), "b.png", "c"]
    assert found["rows"] == ["ab", "cd"]


def test_files_of_matlabs_own_are_read_as_scipy_reads_them(published):
    for name in ("market_attribute.mat", "cuhk03_new_protocol_config_labeled.mat"):
        assert same(by_scipy(published / name), mat5.read(published / name)), name


def test_files_of_many_matlabs_are_read_as_scipy_reads_them():
    folder = Path(scipy.io.matlab.__file__).parent / "tests" / "data"
    files = [f for k in ("cell", "struct", "string", "double", "matrix", "3d") for f in folder.glob(f"test*{k}*_[67]*")]
    if not files:
        pytest.skip("this scipy comes without its test files")
    compared = 0
    for path in files:
        want, found = by_scipy(path), mat5.read(path)
        compared += sum(found[name] is not None for name in want)
        assert all(same(want[name], found[name]) for name in want), path
    assert compared > 20


def test_what_is_no_number_text_cell_or_struct_is_none(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"z": np.array([1 + 2j]), "s": scipy.sparse.eye(3).tocsc(), "x": 1.0})
    found = mat5.read(tmp_path / "a.mat")
    assert (found["z"], found["s"]) == (None, None)
    assert found["x"] == np.array([[1.0]])


@pytest.mark.parametrize("packed", [False, True])
def test_flipped_bits_are_refused_or_harmless_and_never_end_the_process(tmp_path, packed):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, CONTENT, do_compression=packed)
    whole, good = path.read_bytes(), mat5.read(path)
    draw = random.Random(0)
    complaints = []
    for bit in draw.sample(range(8 * len(whole)), 1500):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        found, complaint = outcome(path)
        complaints += [complaint] if complaint else []
        # a checksum covers all but the header's text
        assert complaint or not packed or same(good, found), bit
    assert len(complaints) > 100
    assert all(text.startswith(f"{path}: ") and "\n" not in text for text in complaints)


def outcome(path):
    """The variables, or the complaint."""
    try:
        return mat5.read(path), ""
    except ValueError as error:
        return {}, str(error)


@pytest.mark.parametrize("packed", [False, True])
def test_each_way_of_cutting_a_file_off_is_refused(tmp_path, packed):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"x": np.arange(40.0), "c": CONTENT["cells"]}, do_compression=packed)
    whole = path.read_bytes()
    complete = []
    for keep in range(len(whole)):
        path.write_bytes(whole[:keep])
        found, complaint = outcome(path)
        if complaint:
            assert complaint.startswith(f"{path}: not a readable MAT v5 file (")
            assert complaint.endswith("; download it again")
        else:
            complete.append(list(found))
    assert complete == [[], ["x"]]  # where a variable ends, nothing says that one follows


def variable(kind, shape, body, name=b"x"):
    """An array of class `kind`, by hand."""
    parts = [(6, struct.pack("<II", kind, 0)), (5, struct.pack(f"<{len(shape)}i", *shape)), (1, name)]
    inner = b"".join(struct.pack("<II", t, len(b)) + b + bytes(-len(b) % 8) for t, b in parts) + body
    return struct.pack("<II", 14, len(inner)) + inner


def header():
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"


def test_sizes_without_bytes_are_refused_before_memory_is_taken(tmp_path):
    path = tmp_path / "a.mat"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    numbers = struct.pack("<II", 9, 8) + bytes(8)
    for kind, shape in ((6, (100_000, 100_000)), (1, (2**31 - 1, 2**31 - 1)), (2, (10**9, 1)), (4, (10**9, 9))):
        path.write_bytes(header() + variable(kind, shape, numbers))
        with pytest.raises(ValueError, match=r"a\.mat: .*says that it is \d+ x \d+, which its bytes do not hold"):
            mat5.read(path)
    packer = zlib.compressobj(1)
    bomb = packer.compress(struct.pack("<II", 14, 400 << 20))
    bomb += b"".join(packer.compress(bytes(1 << 20)) for _ in range(400)) + packer.flush()
    path.write_bytes(header() + struct.pack("<II", 15, len(bomb)) + bomb)
    with pytest.raises(ValueError, match=r"a\.mat: .*unfolds to more than"):
        mat5.read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 250_000  # KiB


def test_cells_inside_cells_have_an_end(tmp_path):
    inner = variable(6, (1, 1), struct.pack("<II", 9, 8) + bytes(8))
    for _ in range(3000):
        inner = variable(1, (1, 1), inner)
    (tmp_path / "a.mat").write_bytes(header() + inner)
    with pytest.raises(ValueError, match=r"a\.mat: .*inside one another"):
        mat5.read(tmp_path / "a.mat")


def test_other_formats_are_named(tmp_path):
    with h5py.File(tmp_path / "b.mat", "w", userblock_size=512) as file:
        file["x"] = 1
    for name in ("a.mat", "b.mat"):
        if name == "a.mat":
            h5py.File(tmp_path / name, "w").close()
        with pytest.raises(ValueError, match=rf"{name}: saved by MATLAB as v7\.3 \(HDF5\).*save it in MATLAB with -v7"):
            mat5.read(tmp_path / name)
    scipy.io.savemat(tmp_path / "c.mat", {"x": 1}, format="4")
    with pytest.raises(ValueError, match=r"c\.mat: not a readable MAT v5 file \(no header of the format\)"):
        mat5.read(tmp_path / "c.mat")
    with pytest.raises(FileNotFoundError, match=r"none\.mat: not found"):
        mat5.read(tmp_path / "none.mat")
    with (tmp_path / "d.mat").open("wb") as file:
        file.truncate(mat5.LIMIT + 1)
    with pytest.raises(ValueError, match=r"d\.mat: \d+ bytes, more than"):
        mat5.read(tmp_path / "d.mat")


@pytest.mark.parametrize("value", [1.5, np.nan, np.inf, -np.inf, 0, 11, 1e300, -1])
def test_whole_numbers_are_whole_finite_and_in_range(value):
    assert mat5.whole(np.array([[1, 3], [2, 10.0]]), "f", 1, 10) == [1, 2, 3, 10]
    with pytest.raises(ValueError, match=r"f: labels holds .*whole numbers 1 to 10"):
        mat5.whole(np.array([[1, value]]), "f: labels", 1, 10)
    with pytest.raises(ValueError, match="f: labels holds no numbers"):
        mat5.whole("12", "f: labels", 1, 10)


def test_an_object_of_a_new_matlab_is_there_as_none(tmp_path):
    def part(kind, data):
        return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)

    scipy.io.savemat(tmp_path / "a.mat", {"x": 1.0})
    words = part(1, b"MCOS") + part(1, b"string") + part(14, part(6, struct.pack("<II", 13, 0)))
    opaque = part(6, struct.pack("<II", 17, 0)) + part(1, b"text") + words  # no size: MATLAB's strings since R2016b
    (tmp_path / "a.mat").write_bytes((tmp_path / "a.mat").read_bytes() + part(14, opaque))
    assert mat5.read(tmp_path / "a.mat") == {"x": np.array([[1.0]]), "text": None}
