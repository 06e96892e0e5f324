"""What `make demo` and its like show: stages' lines below their titles, errors, no chatter, and what a lock asks."""

import json
import os
import pty
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.processes import wait_for
from tools import repro, stage_progress

GRAPH = """\
stages:
  good: {desc: Make it, cmd: "echo words of the stage >&2 && mkdir -p out && echo made > out/good", outs: [out/good]}
  bad: {cmd: "echo what went wrong >&2 && exit 3", deps: [out/good], outs: [out/bad]}
  torn: {cmd: "true", outs: [out/torn]}
  slow: {cmd: "echo > began && sleep 60", outs: [out/slow]}
"""


@pytest.fixture
def clone(root, tmp_path, monkeypatch) -> Path:
    for name, value in {"DVC_NO_ANALYTICS": "1", "PYTHONPATH": os.pathsep.join([str(root), str(root / "src")])}.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "clone"
    folder.mkdir()
    for words in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(words, cwd=folder, check=True)
    (folder / "dvc.yaml").write_text(GRAPH)
    return folder


def run(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tools.repro", *words], cwd=clone, capture_output=True, text=True)


def test_stages_speak_and_dvc_does_not(clone):
    done = run(clone, "good", "--show", "out/good")
    assert (done.returncode, done.stdout) == (0, "made\n")
    assert done.stderr.splitlines() == ["[1/1] good: Make it", "words of the stage"]
    assert list(json.loads((clone / stage_progress.RECORDED).read_text())) == ["good"]
    again = run(clone, "good", "--chatter")
    assert "skipping" in again.stdout
    assert again.stderr == ""  # nothing ran


def test_what_is_up_to_date_is_shown_without_dvcs_command_and_what_is_not_runs(clone, monkeypatch):
    monkeypatch.chdir(clone)
    assert not repro.settled(["good"])  # never ran
    assert run(clone, "good").returncode == 0
    assert repro.settled(["good"])
    assert not repro.settled(["bad"])  # needs good, and has not run itself
    assert not repro.settled(["no-such-stage"])
    again = run(clone, "good", "--show", "out/good")
    assert (again.returncode, again.stdout, again.stderr) == (0, "made\n", "")
    (clone / "out/good").write_text("edited\n")
    assert not repro.settled(["good"])
    (clone / "out/good").unlink()
    back = run(clone, "good", "--show", "out/good")
    assert (back.returncode, back.stdout) == (0, "made\n")  # from DVC's cache
    (clone / "dvc.yaml").write_text(GRAPH.replace("echo made", "echo anew"))
    assert run(clone, "good", "--show", "out/good").stdout == "anew\n"


def test_a_terminal_has_the_lines_and_one_bar(clone):
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    command = [sys.executable, "-m", "tools.repro", "good"]
    assert subprocess.run(command, cwd=clone, stdout=theirs, stderr=theirs, timeout=120).returncode == 0
    os.close(theirs)
    text = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert text.index("[1/1] good: Make it\r\n") < text.index("words of the stage\r\n")
    assert "0% |" in text
    assert "so far" in text


def test_errors_of_stages_and_of_dvc_are_seen(clone):
    done = run(clone, "bad", "--show", "out/good")
    assert done.returncode
    assert done.stdout == ""
    assert "what went wrong" in done.stderr
    assert "failed to reproduce 'bad'" in done.stderr
    assert "works in this clone" not in done.stderr
    assert "out/torn" in run(clone, "torn").stderr
    assert "no-such-stage" in run(clone, "no-such-stage").stderr
    lacking = run(clone, "good", "--show", "out/none")
    assert lacking.returncode == 1
    assert lacking.stderr.splitlines()[-1].startswith("repro: out/none: No such file")


def test_a_lock_names_who_has_it_and_what_to_do(clone):
    first = subprocess.Popen([sys.executable, "-m", "tools.repro", "slow"], cwd=clone)
    try:
        wait_for((clone / "began").exists, 60)
        done = run(clone, "slow")
        assert done.returncode
        assert "busy" in done.stderr
        (last,) = done.stderr.splitlines()[-1:]
        assert "another DVC process works in this clone: process" in last
        assert "repro slow" in last
        assert "wait until it has ended" in last
    finally:
        first.send_signal(signal.SIGTERM)
        assert first.wait(30)
    assert repro.beside(clone) is None  # an entry of a process that is gone is none
