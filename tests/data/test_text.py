"""A text that is no UTF-8 is told what it is."""

import gzip
import os

import pytest

from sanreid.data import text


def test_utf8_is_read_with_a_mark_or_without(tmp_path):
    for encoding in ("utf-8", "utf-8-sig"):
        (tmp_path / "a.csv").write_bytes("é,1\r\n".encode(encoding))
        assert text.read(tmp_path / "a.csv") == "é,1\r\n"
    (tmp_path / "a.csv").write_bytes(b"")
    assert text.read(tmp_path / "a.csv") == ""


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("a,b\n".encode("utf-16"), "is in UTF-16"),
        (b"\xfe\xff" + "a,b\n".encode("utf-16-be"), "is in UTF-16"),
        ("a,b\n1,2\n".encode("utf-16-be"), "is in UTF-16"),
        ("a,b\n1,2\n".encode("utf-16-le"), "is in UTF-16"),
        ("a\nb\né".encode("latin-1"), r"line 3: is not UTF-8 \(byte e9"),
        (gzip.compress(b"a,b", mtime=0), "is a gzip file"),
        (b"PAR1....", "is a parquet file"),
        (b"a,b\n1,\0", "is damaged or no text"),
    ],
)
def test_what_it_is_and_the_remedy_are_named(tmp_path, data, words):
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(ValueError, match=rf"a\.csv: {words}.*; save it as UTF-8"):
        text.read(tmp_path / "a.csv")


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.csv: cannot be read"):
        text.read(tmp_path / "none.csv")


def test_what_is_no_file_is_neither_waited_for_nor_read_for_ever(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    for name in ("pipe.csv", "zero.csv"):
        with pytest.raises(ValueError, match=rf"{name}: is a pipe or device, not a text"):
            text.read(tmp_path / name)
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(text.LARGEST + 1)
    with pytest.raises(ValueError, match=r"huge\.csv: 1024 MB, too large"):
        text.read(tmp_path / "huge.csv")
