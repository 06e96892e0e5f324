"""The kill test's pieces on small real processes and files, and a few kills of a graph of three stages."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sanreid import params
from tests.processes import wait_for
from tools import chaos_graph, chaos_kills, chaos_plan, check
from tools.chaos_kills import Disk, Run

STAGES = [f"train@{k}" for k in range(4)] + ["extract", "evaluate@0", "evaluate@1"]


def test_kills_are_drawn_evenly_over_kinds_and_ways_and_are_the_seeds():
    plan = chaos_plan.draw(STAGES, 42, seed=3)
    assert plan == chaos_plan.draw(STAGES, 42, seed=3) != chaos_plan.draw(STAGES, 42, seed=4)
    kinds = [kill.stage.partition("@")[0] for kill in plan]
    assert {kinds.count(kind) for kind in ("train", "extract", "evaluate")} == {14}
    assert {[kill.way for kill in plan].count(way) for way in chaos_kills.WAYS} == {6}
    assert all(0 <= kill.share < 1 for kill in plan)
    assert {kill.door for kill in plan} == {"dvc", "flows"}
    names = [kill.stage for kill in plan]
    assert all(names.index(name) + names.count(name) - 1 == len(names) - 1 - names[::-1].index(name) for name in names)
    assert "full disk" not in {kill.way for kill in chaos_plan.draw(STAGES, 42, 3, chaos_kills.WAYS[:-1])}


@pytest.fixture
def places(tmp_path):
    for name in ("whole", "other"):
        for file, text in {
            "models/a/weights": "bytes",
            "models/a/training.json": json.dumps({"seconds": 1.5 if name == "whole" else 9, "epochs": 2}),
            "reports/t.csv": f"name,training_seconds\nx,{len(name)}\n",
            "reports/t.md": f"| x | 12.5 | {1 if name == 'whole' else 9} s | {len(name)}00 |\n",
            ".dvc/tmp/lock": name,
            "runs/log": name,
        }.items():
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).write_text(text)
    return tmp_path / "whole", tmp_path / "other"


def test_timings_and_what_is_dvcs_own_are_no_difference(places):
    assert chaos_graph.leftovers(*places) == []


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("models/a/weights", "other", "models/a/weights: not as undisturbed"),
        ("models/a/training.json", '{"seconds": 1, "epochs": 3}', "models/a/training.json: not as undisturbed"),
        ("models/a/training.json", '{"seco', "models/a/training.json: not as undisturbed"),
        ("reports/t.csv", "name,training_seconds\ny,5\n", "reports/t.csv: not as undisturbed"),
        ("reports/t.md", "| x | 12.6 | 1 s | 500 |\n", "reports/t.md: not as undisturbed"),
        ("models/.b.partial/~weights", "", "models/.b.partial/~weights: left over"),
        ("models/.a.lock", "", "models/.a.lock: left over"),
        ("models/a/weights", None, "models/a/weights: not made"),
    ],
)
def test_every_other_difference_is_told(places, file, text, told):
    path = places[1] / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text) if text is not None else path.unlink()
    assert chaos_graph.leftovers(*places) == [told]
    assert chaos_graph.differences(*places, "models/a") == ([file] if file.startswith("models/a/") else [])


BODY = """
import subprocess, sys, time
if sys.argv[1:2] == ["run"]:  # what DVC does: a shell in between, no signal passed on
    child = subprocess.Popen([sys.executable, "stages/stage.py", *sys.argv[2:]])
    print("Running stage 'a':", flush=True)
    sys.exit(child.wait())
if "leaves" in sys.argv:
    subprocess.Popen(["sleep", "60"], start_new_session=True)
print("at work", flush=True)
time.sleep(60)
"""


@pytest.fixture
def start(tmp_path):
    """Start a toy of DVC with a toy of a stage."""
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/stage.py").write_text(BODY)
    runs: list[Run] = []

    def start(*words: str) -> Run:
        (tmp_path / "dvc.py").write_text(BODY)
        runs.append(Run([sys.executable, "dvc.py", "run", *words], tmp_path, os.environ))
        assert runs[-1].hear(lambda line: line == "at work", 30)
        assert runs[-1].said[0] == "Running stage 'a':"
        return runs[-1]

    yield start
    for run in runs:
        run.sweep()
        assert chaos_kills.marked(run.word) == []


def test_a_kill_hits_what_it_is_aimed_at(start):
    run = start()
    assert chaos_kills.kill(run, "KILL stage")
    assert run.gone(10) == []
    assert run.process.returncode == -signal.SIGKILL % 256 or run.process.returncode
    assert not chaos_kills.kill(run, "KILL stage")
    assert not chaos_kills.kill(run, "TERM run")
    run = start()
    assert chaos_kills.kill(run, "TERM all")
    assert run.gone(10) == []
    assert run.process.returncode == -signal.SIGTERM


def test_orphans_are_found_whatever_their_session(start):
    run = start("leaves")
    assert chaos_kills.kill(run, "KILL run")  # today's DVC leaves its stage running
    left = run.gone(0.5)
    assert sorted(process.words[0].split("/")[-1] for process in left) == sorted([Path(sys.executable).name, "sleep"])
    assert [process.is_stage() for process in left].count(True) == 1
    assert chaos_kills.outlive(left, 0.3) == left
    run.sweep()
    assert chaos_kills.outlive(left, 10) == []


def test_a_run_that_ended_is_heard_to_its_end_and_not_waited_for(tmp_path):
    run = Run([sys.executable, "-c", "print('one'); print('two')"], tmp_path, os.environ)
    assert not run.hear(lambda line: line == "three", 30)
    assert run.said == ["one", "two"]
    begun = time.monotonic()
    assert not run.hear(seconds=30)
    assert time.monotonic() - begun < 10
    assert run.gone(10) == []


def test_a_full_disk_is_full_for_a_while(tmp_path):
    (tmp_path / "models").mkdir()
    try:
        disk = Disk(tmp_path / "disk", 1)
    except OSError as error:
        pytest.skip(f"no mounting here: {error}")
    try:
        disk.take(tmp_path / "models")
        body = (
            "import sys, time\nprint('began', flush=True)\n"
            "for _ in range(600):\n    open('models/a', 'ab', buffering=0).write(bytes(100)); time.sleep(0.05)"
        )
        run = Run([sys.executable, "-c", body], tmp_path, os.environ)
        assert run.hear(lambda line: line == "began", 30)
        assert chaos_kills.full_disk(run, disk, 30)
        run.hear(seconds=10)
        assert "No space left" in "".join(run.said)
        (tmp_path / "models/b").write_bytes(bytes(10_000))  # there is room again
        assert not chaos_kills.full_disk(run, disk, 30)
    finally:
        disk.close()
    assert not (tmp_path / "models/b").exists()


def test_the_table_counts_by_stage_and_way():
    lines = chaos_plan.table(
        {("train", "KILL run"): 2, ("train", "full disk"): 1, ("extract", "KILL run"): 1}
    ).splitlines()
    assert lines[0].split()[:3] == ["stage", "KILL", "run"]
    assert lines[1].split() == ["extract", "1", "1"]
    assert lines[2].split() == ["train", "2", "1", "3"]
    assert lines[3].split() == ["all", "3", "0", "0", "0", "0", "0", "1", "4"]


@pytest.mark.slow  # all stages are imported
def test_the_tiniest_parameters_are_taken_by_every_stage(root, tmp_path):
    folder = chaos_graph.build(root, tmp_path / "workspace").folder
    for stage in sorted(path.stem for path in (root / "stages").glob("[!_]*.py")):
        for name, model in check.sections(stage).items():
            params.load(folder / "params.yaml", name, model)


@pytest.mark.slow
def test_a_few_kills_of_a_few_stages_leave_no_trace(root, tmp_path):
    words = ["train_mnist_classifier", "--kills", "4", "--seed", "1", "--minutes", "10"]
    done = subprocess.run(
        [sys.executable, "-m", "tools.chaos", *words, "--folder", str(tmp_path / "all")],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "nothing is amiss" in done.stdout
    assert "all" in done.stdout.splitlines()[-2]
    wait_for(lambda: str(tmp_path) not in Path("/proc/mounts").read_text())
