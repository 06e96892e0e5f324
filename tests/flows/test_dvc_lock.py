"""Entries of dvc.lock go round trips unchanged, and no writer loses another's."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from flows import dvc_lock

PARAMS = "rate: 8e-4\nsmall: 1e-05\ntext: '1'\nnested: {1: one, 2: [0.1, null, true, -0.0]}\n"
GRAPH = """\
stages:
  one: {cmd: mkdir -p out && echo 1 > out/one, params: [rate, small, text, nested], outs: [out/one]}
  two: {cmd: cat out/one > out/two, deps: [out/one], outs: [out/two]}
"""


@pytest.fixture
def root(make, dvc):
    root = make(GRAPH, {"params.yaml": PARAMS})
    dvc(root, "repro", "-q")
    return root


def test_what_dvc_wrote_is_unchanged_to_dvc_after_a_round_trip(root, dvc):
    before = (root / dvc_lock.FILE).read_text()
    entries = dvc_lock.loads(dvc_lock.dumps(dvc_lock.read(root)))
    assert list(entries) == ["one", "two"]
    assert entries["one"]["params"]["params.yaml"]["nested"] == {1: "one", 2: [0.1, None, True, -0.0]}
    (root / dvc_lock.FILE).unlink()
    dvc_lock.merge(root, entries)
    assert (root / dvc_lock.FILE).read_text() == before
    assert "up to date" in dvc(root, "status")


def test_named_entries_alone_and_of_these_the_outputs_alone(root):
    assert list(dvc_lock.read(root, ["two", "absent"])) == ["two"]
    (entry,) = dvc_lock.outputs(dvc_lock.read(root, ["two"])).values()
    assert sorted(entry) == ["cmd", "outs"]
    assert [o["path"] for o in entry["outs"]] == ["out/two"]
    assert dvc_lock.read(root.parent) == {}


def test_a_merge_replaces_what_is_named_and_keeps_the_rest(root):
    other = dvc_lock.read(root, ["two"])
    other["two"]["cmd"] = "another"
    dvc_lock.merge(root, {**other, "three": {"cmd": "true"}})
    found = dvc_lock.read(root)
    assert [found[name]["cmd"] for name in found] == ["mkdir -p out && echo 1 > out/one", "another", "true"]


def test_simultaneous_merges_lose_nothing(root):
    def merge(k: int) -> None:
        dvc_lock.merge(root, {f"stage{k}": {"cmd": str(k)}})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(merge, range(24)))
    assert {f"stage{k}" for k in range(24)} < set(dvc_lock.read(root))


def test_a_merge_waits_for_dvc_and_dvc_for_a_merge(root):
    """Both ways round: the lock is DVC's own."""
    holder = (
        "import sys; from dvc.repo import Repo\n"
        "with Repo('.') as repo, repo.lock: print('held', flush=True); sys.stdin.readline()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", holder], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    merging = threading.Thread(target=dvc_lock.merge, args=(root, {"late": {"cmd": "true"}}))
    merging.start()
    merging.join(0.5)
    assert merging.is_alive()
    assert "late" not in dvc_lock.read(root)
    child.communicate("go\n")
    merging.join(10)
    assert "late" in dvc_lock.read(root)

    with dvc_lock._held(root):
        done = subprocess.run(
            [sys.executable, "-m", "dvc", "repro", "one"], cwd=root, capture_output=True, text=True, check=False
        )
    assert done.returncode != 0
    assert "Unable to acquire lock" in done.stderr


@pytest.mark.parametrize("text", ["schema: '1.0'\nstages: {}", "- 1", "one: {cmd: x}"])
def test_what_is_no_lock_file_is_refused_by_name(text):
    with pytest.raises(dvc_lock.LockError, match=r"here\.yaml: not of DVC's schema 2\.0"):
        dvc_lock.loads(text, "here.yaml")


def test_what_is_no_yaml_is_refused_by_name():
    with pytest.raises(dvc_lock.LockError, match="the handed lock entries: not YAML"):
        dvc_lock.loads("a: [1")
