"""What went wrong is told in one line that names the file and what to do."""

import csv
import errno
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from sanreid import faults


def raised(call) -> Exception:
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def long_csv():
    list(csv.reader(["x" * 200_000]))


ERRORS = {
    "directory": lambda folder: raised(lambda: folder.read_bytes()),
    "not_there": lambda folder: raised(lambda: (folder / "none/x.jpg").read_bytes()),
    "file_as_folder": lambda folder: raised(lambda: os.listdir(folder / "file/x")),
    "loop": lambda folder: raised(lambda: (folder / "loop").read_bytes()),
    "long": lambda folder: raised(lambda: (folder / ("x" * 300)).read_bytes()),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_the_systems_errors_name_the_file_and_what_to_do(tmp_path, kind):
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    error = ERRORS[kind](tmp_path)
    assert faults.expected(error)
    text = faults.message(error)
    assert text.startswith(str(tmp_path))
    assert "; " in text
    assert "Errno" not in text
    assert "\n" not in text


def test_a_full_disk_error_names_the_file(tmp_path):
    with pytest.raises(OSError, match="set") as caught, faults.naming(tmp_path / "set"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert faults.message(caught.value) == f"{tmp_path / 'set'}: No space left on device; " + (
        "the disk is full: free some space, the same command then goes on"
    )
    ours = OSError(errno.ENOSPC, "a.png: could not be written; is the disk full?")
    assert faults.message(ours) == "a.png: could not be written; is the disk full?"


@pytest.mark.parametrize(
    "error",
    [
        raised(lambda: cv2.resize(np.zeros((0, 0), np.uint8), (2, 2))),
        raised(long_csv),
        raised(lambda: np.empty(1 << 60)),
        raised(lambda: b"\xff".decode()),
        SafetensorError("header"),
        torch.OutOfMemoryError("CUDA"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_libraries_raise_on_bad_input_is_expected(error):
    assert faults.expected(error)
    assert faults.message(error)


@pytest.mark.parametrize("error", [KeyError("a"), TypeError("b"), RuntimeError("c"), AttributeError("d")])
def test_a_fault_of_the_program_keeps_its_traceback(error):
    with pytest.raises(type(error)), faults.told("stage"):
        raise error


def test_a_block_ends_in_one_line():
    with (
        pytest.raises(SystemExit, match=r"^stage: x\.jpg: Is a directory; a file is wanted there"),
        faults.told("stage"),
    ):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), "x.jpg")
    with pytest.raises(SystemExit, match="stage: stopped; run the same command again"), faults.told("stage"):
        raise KeyboardInterrupt
    with pytest.raises(SystemExit) as caught, faults.told("stage"):
        raise ValueError("x" * 1_000_000)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("value", ["x" * 10_000_000, b"x" * 10_000_000, ["x" * 1000] * 1000, {"a": "y" * 10_000}])
def test_a_value_is_shortened(value):
    assert len(faults.short(value)) < 120
    assert faults.short("red") == "'red'"
    assert faults.short([1, 2]) == "[1, 2]"
    assert faults.cut("a" * 200, 21) == "aaaaaaaa ... aaaaaaaa"


def test_a_librarys_error_for_a_damaged_file_names_the_file(tmp_path):
    for error in (KeyError("x"), EOFError(), RuntimeError("line\nand more"), OSError("no errno")):
        about = faults.about(tmp_path / "a.npz")
        with pytest.raises(ValueError, match=r"a\.npz: not readable \(.+\); run the stage") as caught, about:
            raise error
        assert "\n" not in str(caught.value)
    with pytest.raises(PermissionError), faults.about(tmp_path / "a.npz"):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "a.npz")
    with pytest.raises(KeyboardInterrupt), faults.about(tmp_path / "a.npz"):
        raise KeyboardInterrupt


def test_a_stage_of_another_tree_is_refused(tmp_path):
    (tmp_path / "src/sanreid").mkdir(parents=True)
    with pytest.raises(ValueError, match=f"PYTHONPATH={tmp_path}/src"):
        faults.own_code(tmp_path / "stages/extract.py")
    faults.own_code(Path(faults.__file__).parents[2] / "stages/extract.py")
    faults.own_code(tmp_path / "elsewhere/stages/extract.py")  # no tree of this project
