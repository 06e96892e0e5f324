"""One stage by DVC under supervision: verdicts, what its command finds, its limit, its last lines, its end."""

import shutil
import sys
import threading
import time
from pathlib import Path

import pytest

from flows import dag, gpu
from flows.stage import StageFailed, execute
from flows.supervise import Group, Stopped
from tests.processes import alive, wait_for

GRAPH = """
stages:
  good:
    cmd: mkdir -p out && cp source.txt out/good && echo "GPU=$CUDA_VISIBLE_DEVICES SHELL=$SHELL" && echo done
    deps: [source.txt]
    outs: [out/good]
    meta: {gpus: 1, minutes: 5}
  bad:
    cmd: seq 1 40 && echo the reason >&2 && exit 7
    outs: [out/bad]
  slow:
    cmd: echo pid $$ begun && sleep 60
    outs: [out/slow]
    meta: {gpus: 1, minutes: 0.01}
  where:
    cmd: python -c "import sys, mine; print(sys.executable, mine.__file__)" && mkdir -p out && touch out/where
    outs: [out/where]
"""


@pytest.fixture
def clone(make):
    return make(GRAPH, {"source.txt": "data\n", "src/mine.py": ""})


def run(root, name, **options):
    """The status and the lines."""
    lines: list[str] = []
    return execute(root, dag.load(root)[name], on_line=lines.append, **options), lines


def test_ran_unchanged_restored(clone, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    status, lines = run(clone, "good")
    assert status == "ran"
    assert lines.index("on GPU 5") < lines.index("GPU=5 SHELL=/bin/sh") < lines.index("done")
    assert run(clone, "good")[0] == "unchanged"
    shutil.rmtree(clone / "out")
    with gpu.lease(1):  # restoring takes none
        status, lines = run(clone, "good")
    assert status == "restored"
    assert not [line for line in lines if line.startswith("on ")]
    assert (clone / "out/good").read_text() == "data\n"
    assert run(clone, "good", force=True)[0] == "ran"


def test_a_failure_shows_its_last_lines_and_no_others(clone):
    with pytest.raises(StageFailed, match="bad: DVC's exit status is") as raised:
        run(clone, "bad")
    assert "the reason" in str(raised.value)
    assert "\n40\n" in str(raised.value)
    assert "\n1\n" not in str(raised.value)


def test_the_limit_counts_from_the_lease_on(clone, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    begun = time.monotonic()
    with gpu.lease(1):
        waiting = threading.Timer(2.5, lambda: None)
        failed: list[BaseException] = []

        def attempt():
            try:
                run(clone, "slow")
            except StageFailed as error:
                failed.append(error)

        thread = threading.Thread(target=attempt)
        thread.start()
        waiting.start()
        waiting.join()
        assert not failed  # waiting for a GPU is not working
    thread.join(20)
    assert time.monotonic() - begun < 20
    assert "slow: ended after 0.01 minutes" in str(failed[0])
    assert "begun" in str(failed[0])


def test_a_command_finds_this_interpreter_and_the_clones_own_code(clone):
    _, lines = run(clone, "where")
    assert f"{Path(sys.prefix) / 'bin/python'} {clone / 'src/mine.py'}" in lines


def test_a_stopped_group_ends_the_stage_and_frees_its_gpu(clone, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    group = Group()
    lines: list[str] = []
    begun = threading.Event()
    ended: list[BaseException] = []

    def hear(line):
        lines.append(line)
        if line.endswith("begun"):
            begun.set()

    def attempt():
        try:
            execute(clone, dag.load(clone)["slow"], on_line=hear, group=group)
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    assert begun.wait(20)
    pid = int(next(line.split()[1] for line in lines if line.startswith("pid")))
    assert alive(pid)
    group.stop()
    thread.join(10)
    assert isinstance(ended[0], Stopped)
    wait_for(lambda: not alive(pid))
    with gpu.lease(1):
        pass
    assert run(clone, "good")[0] == "ran"  # DVC's own locks are free as well
