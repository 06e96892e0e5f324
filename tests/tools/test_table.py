"""A table of ablations becomes one experiment, run by DVC itself, and the parameters are as they were afterwards."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sanreid.params import ParamsError, parse
from tests.processes import wait_for
from tools import experiment, table

PARAMS = """\
# Which runs the graph holds.
experiment:
  sets: [one] # of data
  variants: [a, b] # names
  generators: [texture] # painters
  seeds: [0, 1] # of chance

tables:
  table1: {title: First, variants: [b, c], generators: [texture, frontal], set: [], labels: {}}
  table2: {title: Second, variants: [b, d], generators: [texture], set: [], labels: {}}
train_san:
  variants: {a: 1, b: 1, c: 1} # recipes
  epochs: 1 # passes
"""
SEEDS = {"experiment": {"seeds": [0, 1, 2]}}
# A project whose report says with what it was made; variant c fails where there is a file `broken`.
GRAPH = """\
stages:
  report:
    cmd: test ! -e broken && mkdir -p reports/figures && echo "${experiment}" > reports/figures/results.txt
    params: [experiment]
    outs: [reports/figures]
"""


@pytest.fixture
def parameters(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS)
    return path


def child(path: Path, body: str) -> list[str]:
    """A stand-in for a long DVC run: it leaves the table's parameters in the file, then does `body`."""
    leave = (
        "import json, sys, time; from sanreid.params import parse; d = parse(open(sys.argv[1]).read());"
        "d['experiment']['seeds'] = [0, 1, 2];"
        "json.dump(d, open(sys.argv[1], 'w'));"
    )
    return [sys.executable, "-c", leave + body, str(path)]


def test_the_table_takes_the_place_of_what_the_experiment_says(parameters):
    new = table.changes(parameters, "table1", 3, [])
    assert new == {"experiment": {"variants": ["b", "c"], "generators": ["texture", "frontal"], "seeds": [0, 1, 2]}}
    assert table.changes(parameters, "table1", 1, ["x", "y"])["experiment"]["sets"] == ["x", "y"]
    assert experiment.command(new, "report")[:5] == ["dvc", "exp", "run", "-S", "experiment.variants=[b,c]"]
    assert experiment.command(new, "report")[-3:] == ["-S", "experiment.seeds=[0,1,2]", "report"]


def test_a_table_sets_other_parameters_and_refuses_what_is_none(parameters):
    def given(*texts):
        parameters.write_text(PARAMS.replace("set: []", f"set: [{', '.join(texts)}]", 1) + "  optimiser: {lr: 0.1}\n")
        return table.changes(parameters, "table1", 1, [])

    new = given("train_san.optimiser.lr=2e-3", "train_san.epochs=3")
    assert new["train_san"] == {"optimiser": {"lr": 0.002}, "epochs": 3}
    assert experiment.command(new, "report")[-5:-1] == [
        "-S",
        "train_san.optimiser.lr=0.002",
        "-S",
        "train_san.epochs=3",
    ]
    with pytest.raises(ParamsError, match=r"table1\.set: train_san\.epoch=3: .*did you mean train_san\.epochs\?"):
        given("train_san.epoch=3")
    with pytest.raises(ParamsError, match=r"table1\.set: experiment\.seeds=3: no parameter that a table sets"):
        given("experiment.seeds=3")
    left = {"train_san": {"optimiser": {"lr": 0.002}}}
    body = "d['train_san']['optimiser'] = {'lr': 0.002}; json.dump(d, open(sys.argv[1], 'w'))"
    given()
    before = parameters.read_text()
    assert experiment.run(child(parameters, body), parameters, SEEDS | left) == 0
    assert parameters.read_text() == before


def test_the_classic_splits_are_sets_that_have_to_be_extracted(parameters):
    new = table.changes(parameters, "table1", 1, [], splits=3)
    assert new["experiment"]["sets"] == ["cuhk03_classic_1", "cuhk03_classic_2", "cuhk03_classic_3"]
    assert new["extract_cuhk03_classic"] == {"splits": [1, 2, 3]}
    assert "extract_cuhk03_classic.splits=[1,2,3]" in experiment.command(new, "report")
    plain = table.changes(parameters, None, 2, [], splits=1)["experiment"]
    assert plain == {"seeds": [0, 1], "sets": ["cuhk03_classic_1"]}  # the variants are the experiment's


def test_what_is_wrong_is_named_before_anything_runs(parameters):
    with pytest.raises(ParamsError, match=r"tables\.table3 is missing; there are: table1, table2"):
        table.changes(parameters, "table3", 2, [])
    with pytest.raises(ParamsError, match=r"tables\.table2: d not under train_san\.variants"):
        table.changes(parameters, "table2", 2, [])
    with pytest.raises(SystemExit):
        table.main(["table1", "--seeds", "0"])


@pytest.mark.parametrize("status", [0, 3])
def test_the_parameters_are_put_back_whatever_became_of_the_run(parameters, status):
    assert experiment.run(child(parameters, f"sys.exit({status})"), parameters, SEEDS) == status
    assert parameters.read_text() == PARAMS


def test_an_edit_during_the_run_is_kept_and_said(parameters, capsys):
    body = "d['train_san'] = 7; json.dump(d, open(sys.argv[1], 'w'))"
    assert experiment.run(child(parameters, body), parameters, SEEDS) == 0
    assert parse(parameters.read_text())["train_san"] == 7
    assert "edited during the run" in capsys.readouterr().err


def project(folder: Path, root: Path) -> dict[str, str]:
    """A DVC project of one stage in `folder`; the environment to run in."""
    (folder / "params.yaml").write_text(PARAMS)
    (folder / "dvc.yaml").write_text(GRAPH)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = os.environ | {
        "PATH": path,
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "src")]),
        "DVC_NO_ANALYTICS": "1",
    }
    who = ["-c", "user.name=n", "-c", "user.email=e@x"]
    for words in (
        ["git", "init", "-q"],
        ["dvc", "init", "-q"],
        ["git", "add", "."],
        ["git", *who, "commit", "-qm", "x"],
    ):
        subprocess.run(words, cwd=folder, env=env, check=True, capture_output=True)
    return env


@pytest.mark.slow
def test_dvc_runs_it_prints_it_and_a_failure_prints_no_table(root, tmp_path):
    env, words = project(tmp_path, root), [sys.executable, "-m", "tools.table", "table1", "--seeds", "3"]
    edited = PARAMS.replace("a: 1", "a: 2")  # not committed, and it stays so
    (tmp_path / "params.yaml").write_text(edited)
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    said = "--sets one --variants b c --generators texture frontal --seeds 0 1 2"
    assert done.stdout.splitlines()[0] == said
    assert "No file hash info" not in done.stderr
    assert (tmp_path / "params.yaml").read_text() == edited
    (tmp_path / "broken").touch()
    again = subprocess.run([*words[:-1], "4"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert again.returncode != 0
    assert again.stdout == ""
    assert "nothing is reported" in again.stderr
    assert "failed to reproduce 'report'" in again.stderr
    assert (tmp_path / "params.yaml").read_text() == edited


@pytest.mark.slow
def test_a_terminated_run_ends_whole_and_leaves_the_parameters_as_they_were(root, tmp_path):
    env = project(tmp_path, root)
    (tmp_path / "dvc.yaml").write_text(GRAPH.replace("test !", "echo $$ > started; sleep 60; test !"))
    words = ["trap '' INT; exec \"$@\"", "sh", sys.executable, "-m", "tools.table", "table1"]  # as `make table1 &` does
    running = subprocess.Popen(["sh", "-c", *words], cwd=tmp_path, env=env)
    started = tmp_path / "started"
    wait_for(lambda: started.exists() and started.read_text().strip(), 60, every=0.2)
    assert (tmp_path / "params.yaml").read_text() != PARAMS
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 128 + signal.SIGTERM
    assert (tmp_path / "params.yaml").read_text() == PARAMS
    stage = int(started.read_text())
    wait_for(lambda: gone(stage), every=0.1)  # it does not run on unseen; who adopted it may take a moment to bury it
    # and DVC gave git back its branch and index
    subprocess.run(["git", "symbolic-ref", "HEAD"], cwd=tmp_path, check=True)
    subprocess.run(["git", "diff", "--cached", "--quiet"], cwd=tmp_path, check=True)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
