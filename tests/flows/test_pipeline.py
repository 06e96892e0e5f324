"""The pipeline's flow against a real server: order, states, retries, limits, two GPUs, and its end."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
)
from prefect.flow_engine import run_flow

from flows import capacity, dag, pipeline
from tests.processes import alive, wait_for

pytestmark = pytest.mark.slow

STAMP = 'python -c "import sys, time; print(sys.argv[1], time.time())"'
DIAMOND = """
stages:
  top:
    desc: The first of all
    cmd: mkdir -p out && date +%s.%N > out/top && date +%s.%N >> out/top
    deps: [source.txt]
    outs: [out/top]
    meta: {gpus: 0, minutes: 1}
  side:
    desc: "Both {sides} | at once"
    matrix: {at: [left, right]}
    cmd: >-
      date +%s.%N > out/${item.at} && sleep 1 && date +%s.%N >> out/${item.at}
      && echo "run: epoch 1/2  id 0.3  (1.0 s an epoch, 00:00:01 left)" && echo '{"mAP": 0.5}' > out/${item.at}.json
    deps: [out/top]
    outs: ["out/${item.at}"]
    metrics: ["out/${item.at}.json"]
    meta: {gpus: 0, minutes: 1}
  end:
    desc: The last
    cmd: date +%s.%N > out/end && date +%s.%N >> out/end
    deps: [out/left, out/right]
    outs: [out/end]
    meta: {gpus: 1, minutes: 1}
"""


def go(root: Path, **parameters: Any) -> SimpleNamespace:
    """Run the flow in `root`: its state, its tasks by stage name, its artifacts by key, its log."""
    before = Path.cwd()
    os.chdir(root)
    try:
        state = cast(Any, run_flow(pipeline.pipeline, parameters=parameters, return_type="state"))
    finally:
        os.chdir(before)
    number = state.state_details.flow_run_id
    with get_client(sync_client=True) as client:
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=[number]))
        found: dict[str, Any] = {}

        def settled() -> bool:  # tasks report by events, which take a moment
            tasks = client.read_task_runs(flow_run_filter=wanted)
            found.update({task.name.split(":")[0]: task for task in tasks})
            return bool(tasks) and all(task.state and not task.state.is_running() for task in tasks)

        if state.message and "stages" in state.message:
            wait_for(settled, every=0.1)
        held = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[number])))
        run = client.read_flow_run(number)
    return SimpleNamespace(
        state=state,
        tasks=found,
        run=run,
        artifacts={a.key: a for a in held},
        names={n: t.state.name for n, t in found.items()},
    )


def span(root: Path, name: str) -> tuple[float, float]:
    begun, ended = map(float, (root / "out" / name).read_text().split())
    return begun, ended


@pytest.fixture
def diamond(make, prefect) -> Path:
    return make(DIAMOND, {"source.txt": ""})


def test_order_parallelism_and_what_is_shown(diamond, prefect, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    first = go(diamond)
    assert first.state.name == "Completed"
    assert first.state.message == "4 stages: 4 ran, 0 cached"
    assert first.run.name == "everything"
    assert first.names == dict.fromkeys(["top", "side@left", "side@right", "end"], "Completed")
    assert first.tasks["side@left"].name == "side@left: Both {sides} | at once"
    (left, right), top, end = (span(diamond, n) for n in ("left", "right")), span(diamond, "top"), span(diamond, "end")
    assert top[1] <= min(left[0], right[0])
    assert max(left[0], right[0]) < min(left[1], right[1])  # at once
    assert max(left[1], right[1]) <= end[0]
    shown = first.artifacts
    assert "metrics-side-left" in shown
    assert '"mAP"' in shown["metrics-side-left"].data
    assert shown["progress-side-right"].data == 50
    assert "00:00:01 left" in shown["progress-side-right"].description
    ui = prefect.url.removesuffix("/api")
    assert f"| [end]({ui}/runs/task-run/{first.tasks['end'].id}) | The last | Completed |" in shown["summary"].data
    assert f"[metrics]({ui}/artifacts/artifact/{shown['metrics-side-left'].id})" in shown["summary"].data


def test_cached_is_what_dvc_says_and_deleted_outputs_come_back(diamond):
    go(diamond)
    again = go(diamond)
    assert again.state.name == "Cached"
    assert set(again.names.values()) == {"Cached"}
    assert {t.state.message for t in again.tasks.values()} == {"DVC found nothing changed"}
    assert set(again.artifacts) == {"summary"}  # the rest is on the server
    before = span(diamond, "left")
    shutil.rmtree(diamond / "out")
    restored = go(diamond, targets=["side@left", "end"])
    assert restored.run.name == "side@left, end"
    assert restored.state.name == "Cached"
    assert {t.state.message for t in restored.tasks.values()} == {"DVC restored what an earlier run wrote"}
    assert span(diamond, "left") == before
    assert "metrics-side-left" in restored.artifacts
    forced = go(diamond, targets=["top"], force=True)
    assert forced.names == {"top": "Completed"}
    assert dag.changes(diamond).keys() >= {"side@left", "side@right"}


FAILING = """
stages:
  good:
    cmd: mkdir -p out && touch out/good
    outs: [out/good]
  bad:
    cmd: echo the reason && exit 3
    deps: [out/good]
    outs: [out/bad]
  below:
    cmd: touch out/below
    deps: [out/bad]
    outs: [out/below]
  further:
    cmd: touch out/further
    deps: [out/below]
    outs: [out/further]
  beside:
    cmd: sleep 0.5 && touch out/beside
    deps: [out/good]
    outs: [out/beside]
  late:
    cmd: sleep 60
    outs: [out/late]
    meta: {gpus: 0, minutes: 0.01}
  train:
    cmd: test -e checkpoint && touch out/train || { touch checkpoint; exit 1; }
    deps: [out/good]
    outs: [out/train]
    meta: {gpus: 1, minutes: 1, retries: 1}
"""


def test_a_failure_stops_its_descendants_alone_and_a_training_is_tried_again(make, prefect, monkeypatch):
    monkeypatch.setattr(pipeline, "RETRY_AFTER", 0)
    root = make(FAILING)
    found = go(root)
    assert found.names == {
        "good": "Completed",
        "bad": "Failed",
        "below": "NotRun",
        "further": "NotRun",
        "beside": "Completed",
        "late": "TimedOut",
        "train": "Completed",
    }
    assert "the reason" in found.tasks["bad"].state.message
    assert "ended after 0.01 minutes" in found.tasks["late"].state.message
    assert found.tasks["train"].run_count == 2
    assert found.tasks["bad"].run_count == 1
    assert found.state.is_failed()
    assert "2 of 7 stages failed: bad, late; not run for it: below, further" in found.state.message
    assert found.tasks["further"].state.message == "it reads what is not there: below"
    assert found.artifacts["summary"].data.count("| NotRun |") == 2


def test_what_cannot_be_is_said_without_a_traceback(diamond):
    assert "'sied' is no stage of dvc.yaml; did you mean side" in go(diamond, targets=["sied"]).state.message


SIZED = """
stages:
  one:
    cmd: mkdir -p out && echo ${size} > out/one
    deps: [source.txt]
    outs: [out/one]
"""


def test_other_parameters_run_in_a_workspace_of_their_own(make, prefect):
    root = make(SIZED, {"params.yaml": "size: 1\n", "source.txt": ""})
    assert go(root).names == {"one": "Completed"}
    other = go(root, overrides=["size=2"])
    assert other.names == {"one": "Completed"}
    assert other.run.name == "everything size=2"
    assert ((root / "out/one").read_text(), (root / "params.yaml").read_text()) == ("1\n", "size: 1\n")
    (root / "params.yaml").write_text("size: 2\n")
    assert go(root).names == {"one": "Cached"}  # what the workspace made, the clone has
    assert (root / "out/one").read_text() == "2\n"
    assert "no key 'sise'" in go(root, overrides=["sise=2"]).state.message


OUTSIDE = """
stages:
  one:
    cmd: mkdir -p out && cat ${ignored}/a.txt added/x.txt > out/one && echo ${size} >> out/one
    deps: ["${ignored}", added]
    outs: [out/one]
"""


def test_data_that_git_does_not_hold_is_there_with_other_parameters_too(make, prefect, dvc):
    root = make(OUTSIDE, {"params.yaml": "size: 1\nignored: downloads/a\n", ".gitignore": "/out/\n/downloads/\n"})
    for name in ("downloads/a/a.txt", "added/x.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{name}\n")
    dvc(root, "add", "-q", "added")
    subprocess.run(["git", "add", "added.dvc", ".gitignore"], cwd=root, check=True)
    subprocess.run(["git", "commit", "-qm", "Add data"], cwd=root, check=True)
    done = go(root, overrides=["size=2"])
    assert done.names == {"one": "Completed"}, done.state.message
    (root / "params.yaml").write_text("size: 2\nignored: downloads/a\n")
    assert go(root).names == {"one": "Cached"}
    assert (root / "out/one").read_text() == "downloads/a/a.txt\nadded/x.txt\n2\n"


MANY = """
stages:
  train:
    matrix: {run: [RUNS]}
    cmd: >-
      mkdir -p out && echo $CUDA_VISIBLE_DEVICES > out/${item.run} && date +%s.%N >> out/${item.run}
      && for k in $(seq 100); do [ $(ls out | wc -l) -ge 3 ] && break; sleep 0.1; done
      && sleep 0.1 && date +%s.%N >> out/${item.run}
    outs: ["out/${item.run}"]
    meta: {gpus: 1, minutes: 1, retries: 1}
"""


def test_sixteen_stages_never_share_one_of_two_gpus(make, prefect, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(capacity.Capacity, "take", lambda *_: True)  # so that the lease alone stands between them
    root = make(MANY.replace("RUNS", ", ".join(map(str, range(16)))))
    assert go(root).state.message == "16 stages: 16 ran, 0 cached"
    runs = [file.read_text().split() for file in (root / "out").iterdir() if file.name.isdigit()]
    assert len(runs) == 16
    for gpu in "01":
        own = sorted((float(begun), float(ended)) for device, begun, ended in runs if device == gpu)
        assert own
        assert all(before[1] <= after[0] for before, after in pairwise(own))
    assert {device for device, *_ in runs} == {"0", "1"}


LONG = """
stages:
  long:
    matrix: {n: [1, 2]}
    cmd: echo $$ > pid${item.n}; while :; do sleep 0.2; done
    outs: ["out/${item.n}"]
    meta: {gpus: 0, minutes: 5, retries: 1}
"""


def start(root: Path, server: Any, *words: str) -> subprocess.Popen[str]:
    """`python -m flows.run` in `root`, in a session of its own."""
    code = Path(pipeline.__file__).resolve().parent.parent
    environment = os.environ | {"PREFECT_API_URL": server.url, "PYTHONPATH": str(code)}
    return subprocess.Popen(
        [sys.executable, "-m", "flows.run", *words],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # as from a terminal, even where these tests run in the background of a shell, which ignores it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_the_flow_ends_its_stages(make, prefect, number):
    root = make(LONG, {".gitignore": "/out/\n/pid?\n"})
    process = start(root, prefect)
    wait_for(lambda: all((root / f"pid{n}").is_file() and (root / f"pid{n}").read_text().strip() for n in (1, 2)), 30)
    pids = [int((root / f"pid{n}").read_text()) for n in (1, 2)]
    assert all(map(alive, pids))
    process.send_signal(number)
    wait_for(lambda: not any(map(alive, pids)), 20)
    said = process.communicate(timeout=30)[0]
    assert process.returncode != 0
    if number == signal.SIGINT:
        assert "the same command goes on" in said


def test_a_second_run_in_the_same_clone_waits(diamond, caplog):
    file = (diamond / ".dvc/tmp/pipeline.lock").open("a")
    fcntl.flock(file, fcntl.LOCK_EX)
    threading.Timer(1.0, file.close).start()
    begun = time.monotonic()
    assert go(diamond, targets=["top"]).names == {"top": "Completed"}
    assert time.monotonic() - begun > 1
    assert f"waiting for another run in {diamond}" in caplog.text
