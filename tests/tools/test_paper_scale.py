"""The command itself, on a plan of tiny shell commands that write what stages write."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.processes import alive, wait_for
from tools import paper_scale, plan
from tools.plan import Step

TRAIN = """\
mkdir -p models/san/cuhk03_labeled/{v}/seed{k} && for e in 1 2 3; do echo "x: epoch $e/3  id 1"; sleep 0.05; done
printf 'epoch,step,lr,id\\n1,1,0.1,2\\n1,2,0.1,2\\n2,3,0.1,1\\n' > models/san/cuhk03_labeled/{v}/seed{k}/history.csv"""
TEST = """\
mkdir -p reports/san/cuhk03_labeled/{v}/seed{k}
echo '{{"rank1": 0.{r}, "rank5": 0.8, "mAP": 0.{r}5, "mINP": 0.2, "warnings": []}}' \
> reports/san/cuhk03_labeled/{v}/seed{k}/metrics.json"""
RATES = {("baseline", 0): 2, ("baseline_syn", 0): 4, ("san", 0): 5}


def runs(changes: dict[str, str] | None = None) -> list[Step]:
    """Rendering, three variants and the report; `changes` gives some of them other commands."""
    steps = [Step("synthesize@pit", "true", (), (), ("data/synthetic/pit",), 0, None)]
    for (v, k), r in RATES.items():
        model, report = (f"{kind}/san/cuhk03_labeled/{v}/seed{k}" for kind in ("models", "reports"))
        train, test = (f"{stage}_san@cuhk03_labeled-{v}-{k}" for stage in ("train", "evaluate"))
        words = {"v": v, "k": k, "r": r}
        steps.append(Step(train, TRAIN.format(**words), ("synthesize@pit",), (), (model,), 1, None))
        steps.append(Step(test, TEST.format(**words), (train,), (), (f"{report}/metrics.json",), 1, None))
    steps.append(Step("report", "true", tuple(s.name for s in steps), (), ("reports/index.html",), 0, None))
    return [s._replace(command=(changes or {}).get(s.name, s.command)) for s in steps]


@pytest.fixture
def words(tmp_path, monkeypatch):
    """The command line of a run of `steps`, on a machine without a GPU."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")

    def of(steps: list[Step], minutes: float, *more: str) -> list[str]:
        plan.write(tmp_path / "plan.json", steps)
        places = {"--out": "out", "--plan": "plan.json", "--work": "work"}
        paths = [word for option, name in places.items() for word in (option, str(tmp_path / name))]
        return ["--minutes", str(minutes), *paths, "--toy", "--seeds", "1", *more]

    return of


@pytest.fixture
def command(words, monkeypatch):
    """Run it within this process, which looks often; its exit status."""
    monkeypatch.setattr(paper_scale.signal, "signal", lambda *_: None)
    monkeypatch.setattr(paper_scale.budget, "LOOK", 0.02)
    return lambda *given: paper_scale.main(words(*given))


def left(folder) -> tuple[dict, dict]:
    """The record of a run, and its stages by name."""
    record = json.loads((folder / "out" / "paper_scale.json").read_text())
    return record, {stage["name"]: stage for stage in record["stages"]}


def test_a_run_leaves_record_page_and_table(command, tmp_path, capsys):
    assert command(runs(), 2) == 0
    record, stages = left(tmp_path)
    assert {stage["state"] for stage in stages.values()} == {"done"}
    assert (record["toy"], record["profile"], record["limit_seconds"]) == (True, "gpu", 105)
    assert record["device"].startswith("CPU alone")
    assert record["gpu_percent"] is None
    train = stages["train_san@cuhk03_labeled-san-0"]
    assert train["run"] == {"set": "cuhk03_labeled", "variant": "san", "seed": 0, "evaluates": False}
    assert train["epochs"]["done"] == 3
    assert train["images"] == 2 * 6  # two steps an epoch, 3 people x 2 images at toy size
    assert train["images_a_second"] == pytest.approx(12 / train["epochs"]["seconds"])
    (table,) = record["table"]
    assert [(row["name"], round(row["mAP"]["mean"], 3)) for row in table["rows"]] == [
        ("baseline", 0.25),
        ("baseline_syn", 0.45),
        ("san", 0.55),
    ]
    assert table["differences"][0]["mAP"]["mean"] == pytest.approx(10)
    markdown = (tmp_path / "out" / "table.md").read_text()
    assert markdown in capsys.readouterr().out
    assert "| san − baseline_syn | 1 | +10.0 | +10.0 | too few seeds |" in markdown
    assert "**Do the texture losses help? Not to be told from fewer than 3 seeds" in markdown
    page = (tmp_path / "out" / "index.html").read_text()
    assert "Toy size: that everything runs is all that this page shows" in page
    assert "Everything that was planned was done." in page
    assert 'src="http' not in page
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["index.html", "paper_scale.json", "table.md"]


def test_a_failure_is_told_with_its_last_lines_and_costs_its_own_row_alone(command, tmp_path):
    name = "train_san@cuhk03_labeled-san-0"
    assert command(runs({name: "echo the disk is full; exit 4"}), 2) == 1
    record, stages = left(tmp_path)
    assert (stages[name]["state"], stages[name]["why"]) == ("failed", "it ended with status 4")
    assert stages[name]["log"] == ["the disk is full"]
    assert stages["evaluate_san@cuhk03_labeled-san-0"]["why"] == f"needs {name}, which failed"
    assert [row["name"] for row in record["table"][0]["rows"]] == ["baseline", "baseline_syn"]
    page = (tmp_path / "out" / "index.html").read_text()
    assert "the disk is full" in page
    assert "Do the texture losses help? Not known" in page


def test_what_an_earlier_run_says_will_not_fit_is_left_out(command, tmp_path):
    file = tmp_path / "known.json"
    file.write_text(json.dumps({"train_san@cuhk03_labeled-san-0": 200}))
    assert command(runs(), 2, "--estimates", str(file)) == 0
    _, stages = left(tmp_path)
    why = stages["train_san@cuhk03_labeled-san-0"]["why"]
    assert why.startswith("it would take about 200 s, and 1")
    assert stages["train_san@cuhk03_labeled-baseline_syn-0"]["state"] == "done"


def test_on_gpus_each_stage_has_its_own_and_its_use_is_known(command, tmp_path, monkeypatch):
    """With a program that answers as nvidia-smi does where two GPUs are."""
    answers = {"index": "0\n1", "name": "A GPU\nA GPU", "utilization.gpu,memory.used": "40, 700\n60, 900"}
    cases = "".join(f"*{query}*) printf '{answer}\\n';; " for query, answer in answers.items())
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ncase "$*" in {cases}esac\ncase "$*" in *loop*) exec sleep 60;; esac\n')
    program.chmod(0o755)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    meet = "touch {0}; while [ ! -e {1} ]; do sleep 0.02; done; echo $CUDA_VISIBLE_DEVICES > {0}.gpu"
    steps = [
        Step("cpu", "echo $CUDA_VISIBLE_DEVICES > cpu.gpu", (), (), (), 0, None),
        Step("train_a", meet.format("a", "b"), (), (), (), 1, None),
        Step("train_b", meet.format("b", "a"), (), (), (), 1, None),
        Step("both", "echo $CUDA_VISIBLE_DEVICES > both.gpu", ("train_a", "train_b"), (), (), 2, None),
        Step("many", "true", (), (), (), 3, None),
    ]
    assert command(steps, 2) == 0
    told = {path.stem: path.read_text().strip() for path in (tmp_path / "work").glob("*.gpu")}
    assert told["cpu"] == ""
    assert {told["a"], told["b"]} == {"0", "1"}
    assert told["both"] == "0,1"
    record, stages = left(tmp_path)
    assert record["device"] == "2 x A GPU"
    assert (record["gpu_percent"], record["gpu_peak_mb"]) == (50, 900)
    assert stages["many"]["why"] == "wants 3 places of gpu, and there are 2"


def test_damaged_metrics_cost_the_table_and_not_the_times(command, tmp_path):
    name = "evaluate_san@cuhk03_labeled-san-0"
    folder = "reports/san/cuhk03_labeled/san/seed0"
    assert command(runs({name: f"mkdir -p {folder}; echo '{{' > {folder}/metrics.json"}), 2) == 0
    record, stages = left(tmp_path)
    assert stages[name]["state"] == "done"
    assert record["table"] == []
    assert "metrics.json: not JSON" in record["notices"][0]


@pytest.mark.slow
def test_sigterm_ends_the_stage_in_order_and_leaves_what_there_is(words, root, tmp_path):
    name = "train_san@cuhk03_labeled-baseline_syn-0"
    long = "echo $$ > pid; trap 'echo unwound > done; exit 1' TERM; while :; do sleep 0.05; done"
    process = subprocess.Popen(
        [sys.executable, str(root / "tools" / "paper_scale.py"), *words(runs({name: long}), 2)],
        env=os.environ | {"PYTHONPATH": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    pid = tmp_path / "work" / "pid"
    wait_for(lambda: pid.exists() and pid.read_text().strip(), 60)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, errors
    assert (tmp_path / "work" / "done").read_text() == "unwound\n"
    assert not alive(int(pid.read_text()))
    record, stages = left(tmp_path)
    assert record["ended"] == "it was sent SIGTERM"
    assert (stages[name]["state"], stages[name]["why"]) == ("stopped", "it was sent SIGTERM")
    assert stages["train_san@cuhk03_labeled-san-0"]["state"] == "left out"
    assert [row["name"] for row in record["table"][0]["rows"]] == ["baseline"]
    assert "The run ended before its time" in (tmp_path / "out" / "index.html").read_text()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--out", "x"], "--minutes and --out are wanted"),
        (["--minutes", "0", "--out", "x"], r"--minutes: 0.0 is not above 0"),
        (["--minutes", "1", "--out", "x", "--seeds", "0"], "--seeds: 0 is not above 0"),
    ],
)
def test_a_command_that_cannot_be_is_refused(given, message, capsys):
    with pytest.raises(SystemExit):
        paper_scale.arguments(given)
    assert message in capsys.readouterr().err


def test_a_plan_of_other_seeds_is_refused(command):
    with pytest.raises(SystemExit) as told:
        command(runs(), 2, "--seeds", "2")
    assert "plan.json: of seeds [0], and this run is of [0, 1]; write it with the same options" in str(told.value)


def test_the_toys_changes_suit_the_profile(root):
    """Each key is there: a profile that loses one is told here and not on a rented machine."""
    given = paper_scale.arguments(["--minutes", "1", "--out", "x", "--toy", "--seeds", "2", "-S", "san.fc=16"])
    changes = paper_scale.overrides(given)
    text = paper_scale.paper_folder.changed(root / "profiles" / "gpu.yaml", changes)
    values = paper_scale.params.parse(text)
    assert values["experiment"]["seeds"] == [0, 1]
    assert values["san"]["fc"] == 16
    assert values["san"]["height"] == 32
