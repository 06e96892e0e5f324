"""What is told in one line and what keeps its traceback."""

import errno

import pytest

from flows.error_messages import LINE, message, one_line_errors


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied", "runs/prefect"),
            "flows.run: runs/prefect: Permission denied",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "flows.run: No space left on device; the disk is full: free",
        ),
        (ValueError("dvc.yaml: no\nsuch key"), "flows.run: dvc.yaml: no such key"),
        (MemoryError(), "flows.run: out of memory"),
    ],
)
def test_what_the_machine_does_is_one_line(error, line):
    with pytest.raises(SystemExit) as ended, one_line_errors("flows.run"):
        raise error
    assert str(ended.value.code).startswith(line)
    assert "\n" not in str(ended.value.code)


def test_a_librarys_error_is_one_line_and_ours_is_none():
    httpx = pytest.importorskip("httpx")
    with pytest.raises(SystemExit, match=r"flows\.run: connection refused"), one_line_errors("flows.run"):
        raise httpx.ConnectError("connection refused")
    with pytest.raises(RuntimeError), one_line_errors("flows.run"):
        raise RuntimeError("a fault of the program")
    with pytest.raises(KeyError), one_line_errors("flows.run"):
        raise KeyError("name")


def test_the_traceback_is_there_for_those_who_ask(monkeypatch, capsys):
    monkeypatch.setenv("SANREID_LOG", "DEBUG")
    with pytest.raises(SystemExit), one_line_errors("flows.run"):
        raise OSError("gone")
    assert "Traceback" in capsys.readouterr().err


def test_a_long_line_keeps_both_ends():
    line = message(ValueError(f"first {'x' * 10_000} last"))
    assert len(line) <= LINE
    assert line.startswith("first")
    assert line.endswith("last")
