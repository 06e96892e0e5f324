"""Where a stage is sent, what may not be sent, and what comes back; test_power_cut.py runs it on two machines."""

import pytest

from flows import dag, dvc_lock, submit, worker
from flows.workspace import WorkspaceError

GRAPH = """
stages:
  one: {cmd: mkdir -p out && echo 1 > out/one, outs: [out/one]}
  two: {cmd: cat out/one > out/two, deps: [out/one], outs: [out/two]}
  three: {cmd: cat out/two > out/three, deps: [out/two], outs: [out/three], meta: {gpus: 1, minutes: 1}}
  beside: {cmd: cat out/one > out/beside, deps: [out/one], outs: [out/beside]}
"""


def test_the_pool_is_meta_s(make):
    stages = dag.load(make(GRAPH))
    assert [submit.pool(stages[name]) for name in ("two", "three")] == ["cpu", "gpu"]


def test_edits_that_no_worker_would_see_are_refused(make):
    root = make(GRAPH)
    submit.check(root)
    (root / "dvc.yaml").write_text(GRAPH + "\n")
    with pytest.raises(WorkspaceError, match=r"dvc\.yaml\. Commit and push"):
        submit.check(root)


def test_an_entry_comes_back_as_it_was(make, dvc):
    root = make(GRAPH)
    dvc(root, "repro", "two")
    entry = dvc_lock.read(root, ["two"])
    assert dvc_lock.loads(worker.entry_of(worker.entry_text(dvc_lock.dumps(entry)))) == entry
