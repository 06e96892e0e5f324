"""The stage writes the page and the figures whole or not at all, and prints the table."""

import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from sanreid.params import load
from stages import report
from tests import yamls
from tests.reporting.run import fake_run

P = report.Params(comparisons=fake_run.PAIRS, published=fake_run.PUBLISHED, people=2, height=32, quality=80, seed=0)


def arguments(root) -> dict:
    interim = root / "data/interim"
    return {
        "sets": fake_run.EXPERIMENT.sets,
        "variants": fake_run.EXPERIMENT.variants,
        "seeds": fake_run.EXPERIMENT.seeds,
        "generators": ["texture"],
        "dvc_yaml": root / "dvc.yaml",
        "parameters": root / "params.yaml",
        "pit": interim / "pit",
        "interim": interim,
        "san_pg": root / "models/san_pg",
        "textures": root / "data/textures",
        "models": root / "models/san",
        "evaluations": root / "reports/san",
        "floors": root / "reports/floor",
        "texture_reports": root / "reports/textures",
        "out": root / "reports/index.html",
        "figures": root / "reports/figures",
        "attributes": interim / "market1501_attributes",
        "mnist": interim / "mnist",
    }


@pytest.fixture
def run(tmp_path):
    return fake_run.build(tmp_path)


def test_writes_everything_and_prints_the_table(run, capsys):
    given = arguments(run)
    report.main(**given, p=P)
    printed = capsys.readouterr().out
    assert (run / "reports/figures/results.txt").read_text() == printed
    assert printed.strip().endswith(f"The page: {given['out']}")
    assert "89.5 ± 1.1" in printed
    html = given["out"].read_text()
    assert html.startswith("<!doctype html>")
    assert "train_san_pg" in html  # a card of the graph
    assert sorted(p.name for p in given["figures"].iterdir()) == ["graph.svg", "results.md", "results.txt", "strip.jpg"]
    graph = ET.parse(given["figures"] / "graph.svg").getroot()
    assert "pair_pit" in "".join(graph.itertext())
    with Image.open(given["figures"] / "strip.jpg") as strip:
        assert strip.width > strip.height
    assert "| **san** |" in (given["figures"] / "results.md").read_text()
    assert not list(run.rglob("*.partial"))


def test_same_inputs_same_outputs(run):
    given = arguments(run)
    outputs = [given["out"], *(given["figures"] / n for n in ("graph.svg", "results.md", "results.txt", "strip.jpg"))]
    report.main(**given, p=P)
    first = [path.read_bytes() for path in outputs]
    report.main(**given, p=P)
    assert [path.read_bytes() for path in outputs] == first


def test_a_failure_leaves_the_old_page_alone(run):
    given = arguments(run)
    report.main(**given, p=P)
    before = given["out"].read_bytes(), sorted(given["figures"].iterdir())
    (run / "reports/san" / fake_run.SET / "san/seed1/metrics.json").write_text("{}")
    with pytest.raises(ValueError, match="san/seed1/metrics"):
        report.main(**given, p=P)
    assert (given["out"].read_bytes(), sorted(given["figures"].iterdir())) == before


def test_other_test_sets_are_shown_when_named(run, capsys):
    fake_run.cross(run, fake_run.EXPERIMENT, "market1501")
    given = arguments(run) | {"crossed": run / "reports/cross"}
    report.main(**given, p=P)
    assert "Trained on one set" not in capsys.readouterr().out  # left there by an earlier experiment
    report.main(**given, cross=["market1501"], p=P)
    assert "cuhk03_labeled → market1501" in capsys.readouterr().out
    assert "cuhk03_labeled → market1501" in (given["figures"] / "results.md").read_text()
    assert 'id="crossed"' in given["out"].read_text()


def test_the_files_of_dvcs_commands_are_written_where_named(run):
    report.main(**arguments(run), numbers=run / "reports/summary.json", plots=run / "reports/plots", p=P)
    assert json.loads((run / "reports/summary.json").read_text())["san"]["rank1"] == 0.8945
    assert sorted(p.name for p in (run / "reports/plots").iterdir()) == ["cmc.csv", "losses.csv"]


def test_optional_folders_may_be_absent(run):
    given = arguments(run) | {"attributes": None, "mnist": None}
    report.main(**given, p=P)
    assert "Digits: not available" in given["out"].read_text()


def test_a_set_without_pictures_is_refused(run):
    given = arguments(run)
    for boxes in ("labeled", "detected"):
        shutil.rmtree(given["interim"] / f"cuhk03_{boxes}")
    with pytest.raises(ValueError, match="--interim: no folder is named cuhk03_labeled"):
        report.main(**given, p=P)


def test_command_line(run, root):
    params = run / "report.yaml"
    params.write_text(yamls.dump({"report": P.model_dump(mode="json")}))
    words = [sys.executable, str(root / "stages/report.py"), "--params", str(params)]
    for name, value in arguments(run).items():
        words += ["--" + name.replace("_", "-"), *map(str, value if isinstance(value, list) else [value])]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "The page: " in done.stdout


@pytest.mark.parametrize("profile", ["params.yaml", "profiles/demo.yaml", "profiles/paper.yaml"])
def test_the_shipped_parameters_are_valid(root, profile):
    load(root / profile, "report", report.Params)


def test_every_re_id_set_of_the_tree_is_shown_and_a_set_of_the_experiment_need_not_be_a_known_one(run):
    given = arguments(run)
    for tree in ("data/interim", "data/textures", "models/san", "reports/san"):
        shutil.copytree(run / tree / fake_run.SET, run / tree / "campus")
    report.main(**given | {"sets": ["campus"]}, p=P)
    html = given["out"].read_text()
    assert html.count("market1501: 16 images of 6 people") == 0
    assert "campus: 24 images of 6 people" in html
    assert "cuhk03_labeled and cuhk03_detected" in html
    assert "<h3>campus</h3>" in html


def test_the_mean_over_splits_comes_after_the_splits(run, capsys):
    for tree in ("data/interim", "data/textures", "models/san", "reports/san", "reports/floor"):
        for split in (1, 2):
            shutil.copytree(run / tree / fake_run.SET, run / tree / f"cuhk03_classic_{split}")
    file = run / "reports/san/cuhk03_classic_2/san/seed0/metrics.json"
    values = json.loads(file.read_text())
    file.write_text(json.dumps(values | {"rank1": values["rank1"] - 0.2}))
    report.main(**arguments(run) | {"sets": ["cuhk03_classic_1", "cuhk03_classic_2"]}, p=P)
    printed = capsys.readouterr().out
    heads = [line.split(": percent")[0] for line in printed.splitlines() if ": percent" in line]
    assert heads == ["cuhk03_classic_1", "cuhk03_classic_2", "cuhk03_classic, mean of 2 splits"]
    mean = printed.split("mean of 2 splits")[1]
    assert "78.7 / 77.2   90.2 / 78.5" in mean  # seed 0: 88.7 and 68.7; seed 1 is the same in both
    assert "<h3>cuhk03_classic, mean of 2 splits</h3>" in (run / "reports/index.html").read_text()
