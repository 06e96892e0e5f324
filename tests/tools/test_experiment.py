"""What ends an experiment from the command line is one line, and a lock says what to do."""

import errno
from functools import partial
from pathlib import Path

import pytest

from tools import digits_grid, experiment, repro, sweep, table


@pytest.mark.parametrize(
    "changes",
    [
        partial(table.changes, Path("params.yaml"), "table1", 1, []),
        partial(sweep.changes, Path("params.yaml"), [], 1, []),
        partial(digits_grid.changes, Path("params.yaml"), "published"),
    ],
)
@pytest.mark.parametrize("text", [None, "a: [1\n", "b: 1\n", b"\xff\xfe"])
def test_a_parameter_file_that_cannot_be_used_is_one_line(tmp_path, monkeypatch, changes, text):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "params.yaml"
    if text is None:
        file.mkdir()
    else:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SystemExit) as ended:
        experiment.carry_out("table1", changes, "report", Path("none"))
    assert str(ended.value.code).startswith("table1: ")
    assert "params.yaml" in str(ended.value.code)


def test_no_dvc_and_no_report_are_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("a: {b: 1}\n")
    monkeypatch.setattr(experiment, "command", lambda *_: ["true"])
    with pytest.raises(SystemExit, match=r"^what: none\.txt: No such file"):
        experiment.carry_out("what", lambda: {"a": {"b": [1]}}, "report", Path("none.txt"))
    monkeypatch.setattr(experiment, "command", lambda *_: ["no-such-dvc"])
    with pytest.raises(SystemExit, match=r"^what: no-such-dvc: No such file"):
        experiment.carry_out("what", lambda: {"a": {"b": [1]}}, "report", Path("none.txt"))


def test_parameters_that_cannot_be_put_back_are_not_lost(tmp_path, monkeypatch):
    file = tmp_path / "params.yaml"
    file.write_text("a: {b: [1]}\n")
    write = Path.write_text

    def full(self, text, *rest, **more):
        write(self, text[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match=r"No space left on device: .*params\.yaml"):
        experiment.restore(file, "a: {b: 1}\n", {"a": {"b": [1]}})
    assert file.read_text() == "a: {b: [1]}\n"


def test_a_failed_run_beside_another_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("a: {b: 1}\n")
    monkeypatch.setattr(experiment, "command", lambda *_: ["false"])
    monkeypatch.setattr(repro, "others", lambda root: ["process 7 (dvc repro)"])
    assert experiment.carry_out("what", lambda: {"a": {"b": [1]}}, "report", Path("none.txt")) == 1
    assert "works in this clone: process 7 (dvc repro)" in capsys.readouterr().err.splitlines()[-1]
