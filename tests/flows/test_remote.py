"""What one clone made another restores, through a folder or S3, before any commit of dvc.lock or of results."""

import shutil
from pathlib import Path

import pytest

from flows import dag, dvc_lock, remote
from flows.workspace import open_workspace
from tests.flows.conftest import run

# `make` writes a folder, a cached file and two results that DVC leaves to git; `sum` reads all of them
GRAPH = """\
stages:
  make:
    matrix: {k: [x, y]}
    cmd: >-
      mkdir -p out/${item.k}/a && echo ${v} ${item.k} > out/${item.k}/a/f && echo z > out/${item.k}/g
      && echo 1 > out/${item.k}.json && mkdir out/${item.k}_plots && echo 2 > out/${item.k}_plots/p && echo make >> $LOG
    deps: [code.py]
    params: [v]
    outs:
      - out/${item.k}
    plots:
      - out/${item.k}_plots: {cache: false}
    metrics:
      - out/${item.k}.json: {cache: false}
  sum:
    cmd: cat out/*/a/f out/x.json out/y_plots/p data/raw/file > total && echo sum >> $LOG
    deps: [out, data/raw/file]
    outs: [total]
  last:
    cmd: cp total last && echo last >> $LOG
    deps: [total]
    outs:
      - last: {cache: false} # a plain output: DVC keeps no run of such a stage
"""
FILES = {"params.yaml": "v: 1\n", "code.py": "code\n", ".gitignore": "/out/\n/total\n/last\n/data/raw/\n"}
TOTAL = "1 x\n1 y\n1\n2\nraw\n"


@pytest.fixture
def clones(make, tmp_path, monkeypatch, attach):
    """Two clones of one commit with one remote, and no more in common."""
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    roots = [make(GRAPH, FILES, "one"), tmp_path / "two"]
    run(tmp_path, "git", "clone", "-q", str(roots[0]), str(roots[1]))
    for root in roots:
        attach(root)
        (root / "data/raw").mkdir(parents=True)
        (root / "data/raw/file").write_text("raw\n")
    return roots


def log(root: Path) -> list[str]:
    path = root.parent / "log"
    lines = path.read_text().split() if path.exists() else []
    path.write_text("")
    return lines


def work(root: Path, dvc, name: str, entries: dvc_lock.Entries) -> dict:
    """A stage on a worker: with its upstream's outputs handed, and its own entry returned."""
    upstream = dag.load(root)[name].upstream
    handed = dvc_lock.outputs({n: e for n, e in entries.items() if n in upstream})
    with open_workspace(root, lock=dvc_lock.loads(dvc_lock.dumps(handed))) as space:
        remote.bring_inputs(space, name)
        remote.recall(space, name)
        dvc(space, "repro", "-q", "--single-item", name)
        assert remote.push(space, name)
        return dvc_lock.read(space, [name])


def test_each_stage_runs_once_wherever_and_uncached_results_travel(clones, dvc):
    one, two = clones
    entries: dict = {}
    for root, name in ((one, "make@x"), (two, "make@y"), (one, "sum"), (two, "last")):
        entries |= work(root, dvc, name, entries)
    assert log(one) == ["make", "make", "sum", "last"]
    # the same again, everywhere else, from nothing but the upstream's entries: the run cache has it
    again: dict = {}
    for root, name in ((two, "make@x"), (one, "make@y"), (two, "sum")):
        again |= work(root, dvc, name, again)
    assert again == {name: entries[name] for name in again}
    assert log(one) == []
    # who wants the results has them, and DVC finds nothing to do
    dvc_lock.merge(two, entries)
    remote.bring_outputs(two, entries)
    assert (two / "last").read_text() == TOTAL
    assert (two / "out/y_plots/p").read_text() == "2\n"
    assert dag.changes(two) == {}
    assert not (one / "last").exists()


def test_a_stage_of_which_the_entry_is_known_is_not_run_even_without_the_run_cache(clones, dvc, tmp_path):
    one, two = clones
    entries = work(one, dvc, "make@x", {})
    shutil.rmtree(one / ".dvc/cache/runs")
    place = remote.storage(one)
    assert place is not None
    place.fs.rm(place.fs.join(place.path, "runs"), recursive=True)
    log(one)
    with open_workspace(two, lock=entries) as space:
        remote.recall(space, "make@x")
        dvc(space, "repro", "-q", "--single-item", "make@x")
        assert (space / "out/x/a/f").read_text() == "1 x\n"
    assert log(one) == []


def test_another_input_is_another_run(clones, dvc):
    one, two = clones
    entries = work(one, dvc, "make@x", {})
    key = remote.identity(one, "make@x")
    assert key == remote.identity(two, "make@x")
    (two / "code.py").write_text("other\n")
    assert remote.identity(two, "make@x") not in (key, None)
    dvc_lock.merge(two, entries)  # as it was before the edit
    remote.recall(two, "make@x")
    assert not (two / "out").exists()
    log(one)
    dvc(two, "repro", "-q", "--single-item", "make@x")
    assert log(one) == ["make"]


def test_only_the_runs_of_a_stage_are_sent_and_only_once(clones, dvc):
    one, _ = clones
    dvc(one, "repro", "-q", "make@y")  # stays at home
    entries = work(one, dvc, "make@x", {})
    place = remote.storage(one)
    assert place is not None
    sent = sorted(place.fs.find(place.fs.join(place.path, "runs")))
    assert len(sent) == 1
    work(one, dvc, "make@x", entries)
    place.fs.fs.invalidate_cache()
    assert sorted(place.fs.find(place.fs.join(place.path, "runs"))) == sent


def test_what_is_nowhere_is_named(clones, dvc):
    one, two = clones
    with (
        open_workspace(two) as space,
        pytest.raises(remote.RemoteError, match=r"dvc\.lock has no entry of make@x, make@y"),
    ):
        remote.bring_inputs(space, "sum")
    entries = {}
    for name in ("make@x", "make@y"):
        entries |= work(one, dvc, name, {})
    (two / "data/raw/file").unlink()
    with (
        open_workspace(two, lock=entries) as space,
        pytest.raises(remote.RemoteError, match=r"sum: data/raw/file is neither in git.*each worker's clone"),
    ):
        remote.bring_inputs(space, "sum")
    place = remote.storage(one)
    assert place is not None
    place.fs.rm(place.fs.join(place.path, "files"), recursive=True)
    shutil.rmtree(two / ".dvc/cache", ignore_errors=True)
    with (
        open_workspace(two, lock=entries) as space,
        pytest.raises(remote.RemoteError, match=r"what make@\w wrote \(out/.* is not in the cache .* nor in"),
    ):
        remote.bring_inputs(space, "sum")


def test_one_cache_for_all_needs_no_remote(make, dvc, tmp_path, monkeypatch):
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    one = make(GRAPH, FILES, "one")
    two = tmp_path / "two"
    run(tmp_path, "git", "clone", "-q", str(one), str(two))
    dvc(one, "repro", "-q", "make@x", "make@y")
    assert remote.storage(one) is None
    entries = dvc_lock.read(one)
    with (
        open_workspace(two, lock=entries) as space,
        pytest.raises(remote.RemoteError, match=r"what make@\w wrote .* and there is no remote: "),
    ):
        remote.bring_inputs(space, "sum")
    dvc(two, "cache", "dir", "-q", "--local", str(one / ".dvc/cache"))
    (two / "data/raw").mkdir(parents=True, exist_ok=True)
    (two / "data/raw/file").write_text("raw\n")
    with open_workspace(two, lock=entries) as space:
        remote.bring_inputs(space, "sum")
        assert (space / "out/y_plots/p").is_file()
        assert remote.push(space, "make@x") is False


def test_data_that_dvc_files_name_is_brought_too(make, dvc, tmp_path, attach):
    graph = "stages:\n  read: {cmd: cp data/big out, deps: [data/big], outs: [out]}\n"
    one = make(graph, {"data/.gitignore": "/big\n"}, "one")
    attach(one)
    (one / "data/big").write_text("big")
    dvc(one, "add", "-q", "data/big")
    run(one, "git", "add", "data")
    run(one, "git", "commit", "-qm", "Add data")
    dvc(one, "push", "-q")
    run(tmp_path, "git", "clone", "-q", str(one), str(tmp_path / "two"))
    attach(tmp_path / "two")
    with open_workspace(tmp_path / "two") as space:
        remote.bring_inputs(space, "read")
        assert (space / "data/big").read_text() == "big"
