"""The words that are parsed are the installed DVC's."""

import shutil

import pytest

from flows import stage_status

GRAPH = """
stages:
  one:
    cmd: mkdir -p out && cp source.txt out/one && echo "Stage 'one' didn't change, skipping"
    deps: [source.txt]
    outs: [out/one]
"""


@pytest.fixture
def clone(make):
    return make(GRAPH, {"source.txt": "data\n"})


def told(output):
    said = None
    for line in output.splitlines():
        said = stage_status.read(line, said)
    return said


def test_each_word_of_dvc(clone, dvc):
    words = ("--wait-for-lock", "repro", "--single-item", "one")
    assert told(dvc(clone, *words)) == "ran"  # whatever the command prints itself
    assert told(dvc(clone, *words)) == "unchanged"
    assert told(dvc(clone, *words, "--force")) == "ran"
    shutil.rmtree(clone / "out")
    assert told(dvc(clone, *words)) == "restored"
    (clone / "source.txt").write_text("other\n")
    assert told(dvc(clone, *words)) == "ran"
    (clone / "source.txt").write_text("data\n")
    assert told(dvc(clone, *words)) == "restored"
    (clone / "dvc.lock").unlink()
    assert told(dvc(clone, *words)) in ("unchanged", "restored")


def test_what_was_pushed_is_restored_in_another_clone(clone, dvc, tmp_path):
    dvc(clone, "remote", "add", "-d", "team", str(tmp_path / "remote"))
    dvc(clone, "repro")
    dvc(clone, "push", "--run-cache")
    shutil.rmtree(clone / ".dvc/cache")
    shutil.rmtree(clone / "out")
    assert told(dvc(clone, "repro", "--single-item", "--pull", "one")) == "restored"
    assert (clone / "out/one").read_text() == "data\n"


def test_what_cannot_be_pulled_runs(clone, dvc, tmp_path):
    dvc(clone, "remote", "add", "-d", "team", str(tmp_path / "remote"))
    dvc(clone, "repro")
    shutil.rmtree(clone / ".dvc/cache")
    shutil.rmtree(clone / "out")
    assert told(dvc(clone, "repro", "--single-item", "--pull", "one")) == "ran"


def test_a_frozen_stage_is_unchanged(clone, dvc):
    dvc(clone, "repro")
    dvc(clone, "freeze", "one")
    (clone / "source.txt").write_text("other\n")
    assert told(dvc(clone, "repro", "--single-item", "one")) == "unchanged"


@pytest.mark.parametrize("line", ["", "Running", "the Stage 'x' is cached - skipping run, checking out outputs"])
def test_other_lines_tell_nothing(line):
    assert stage_status.read(line) is None
