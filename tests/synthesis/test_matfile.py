"""MATLAB headers: read back by scipy, the same bytes at another time."""

import time

import h5py
import numpy as np
from scipy.io import loadmat

from sanreid.synthesis import matfile


def test_v5_is_read_back_and_its_bytes_do_not_know_the_time(tmp_path, monkeypatch):
    values = {"names": matfile.cell(["ab", "c"], column=True), "x": np.array([[1], [2]], np.uint16)}
    matfile.write_v5(tmp_path / "a.mat", values)
    monkeypatch.setattr(time, "asctime", lambda *_: "Thu Jan  1 00:00:00 1970")
    matfile.write_v5(tmp_path / "b.mat", values)
    assert (tmp_path / "a.mat").read_bytes() == (tmp_path / "b.mat").read_bytes()
    assert (tmp_path / "a.mat").read_bytes().startswith(b"MATLAB 5.0 MAT-file")
    back = loadmat(tmp_path / "a.mat")
    assert [n.item().item() for n in back["names"]] == ["ab", "c"]
    assert back["names"].shape == (2, 1)
    assert back["x"].dtype == np.uint16


def test_v73_keeps_being_hdf5_behind_the_header(tmp_path):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=matfile.USERBLOCK) as file:
        file["x"] = np.arange(3)
    matfile.stamp_v73(tmp_path / "a.mat")
    data = (tmp_path / "a.mat").read_bytes()
    assert data[:19] == b"MATLAB 7.3 MAT-file"
    assert data[124:128] == b"\x00\x02IM"
    with h5py.File(tmp_path / "a.mat") as file:
        assert file["x"][:].tolist() == [0, 1, 2]


def test_a_row_cell_lies_in_a_row():
    assert matfile.cell(["a", "b", "c"], column=False).shape == (1, 3)
