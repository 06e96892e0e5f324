"""What params.yaml tells the graph: names that can be folders and words of a command, and names across sections."""

import datetime
import subprocess
import sys
from pathlib import Path

import pytest

from sanreid import graph_names, graph_params, params
from sanreid.data import digits
from sanreid.params import ParamsError
from sanreid.training import digit_cells, networks
from stages import train_san_pg

ROOT = Path(__file__).resolve().parent.parent
DEMO = (ROOT / "profiles/demo.yaml").read_text()


def changed(changes: dict) -> dict:
    """The demo's values with these at dotted keys; a folder's name is taken as it is."""
    values = params.parse(DEMO)
    for dotted, new in changes.items():
        *parts, last = dotted.split(".")
        inner = values
        for part in parts:
            inner = inner[part]
        inner[last] = new
    return values


def refusal(changes: dict) -> list[str]:
    with pytest.raises(ParamsError) as refused:
        graph_params.check(changed(changes), "params.yaml")
    return str(refused.value).splitlines()


@pytest.mark.parametrize("profile", ["params.yaml", "profiles/demo.yaml", "profiles/paper.yaml"])
def test_the_profiles_are_taken(profile):
    graph_params.check(params.read(ROOT / profile), profile)


def test_what_is_absent_is_left_to_others():
    graph_params.check({}, "params.yaml")
    graph_params.check({"stage": {"epochs": 1}}, "params.yaml")


@pytest.mark.parametrize(
    "folders",
    [
        {"campus": "data/raw/campus"},
        {"2024": "data/raw/2024", "a b+c-d.e_f": "/abs/My pictures (1)"},
        {"校园": "data/raw/校园", "Straße": "../x"},
    ],
)
def test_a_folder_is_a_set(folders):
    names = list(folders)
    graph_params.check(
        changed({"folders": folders, "experiment.sets": names, "experiment.cross": names, "systems.sets": names}), "p"
    )


@pytest.mark.parametrize(
    ("folders", "told"),
    [
        ({"it's": "x"}, 'folders.it\'s: "it\'s" has "\'"; take letters'),
        ({"a/b": "x"}, "folders.a/b: 'a/b' has '/'"),
        ({"a@b": "x"}, "folders.a@b: 'a@b' has '@'"),
        ({"a:b": "x"}, "folders.a:b: 'a:b' has ':'"),
        ({"$a": "x"}, "folders.$a: '$a' has '$'"),
        ({"a\nb": "x"}, "folders.'a\\nb': 'a\\nb' has '\\n'"),
        ({"-a": "x"}, "folders.-a: '-a' begins with a point, dash"),
        ({".a": "x"}, "folders..a: '.a' begins with a point"),
        ({"a ": "x"}, "folders.a : 'a ' begins with"),
        ({"": "x"}, "folders.: is empty"),
        ({1.5: "x"}, "folders.1.5: 1.5 is no name"),
        (
            {True: "x"},
            "folders.True: True is no name: YAML reads null, true and 1.5 as other things; put it",
        ),
        ({None: "x"}, "folders.None: None is no name"),
        ({datetime.date(2024, 5, 1): "x"}, "folders.2024-05-01: datetime.date(2024, 5, 1) is no name"),
        ({"market1501": "x"}, "folders.market1501: data/interim/market1501 is the graph's own; take another name"),
        ({"pit": "x"}, "folders.pit: data/interim/pit is the graph's own"),
        ({"mnist": "x"}, "folders.mnist"),
        ({"market1501_attributes": "x"}, "folders.market1501_attributes"),
        ({"cuhk03_classic_3": "x"}, "folders.cuhk03_classic_3"),
        ({"cross": "x"}, "folders.cross: reports/san/cross is the graph's own"),
        ({2024: "x"}, "folders.2024: is a number in YAML, and DVC leaves it out; put it in quotes: '2024'"),
        ({"campus": 2024}, "folders.campus: 2024 is no path; put it in quotes"),
        ({"campus": None}, "folders.campus: None is no path"),
        ({"campus": "a\nb"}, "folders.campus: "),
        ({"campus": " "}, "folders.campus: is empty; name the folder"),
        (None, "folders: None is no mapping"),
        (["campus"], "folders: ['campus'] is no mapping"),
    ],
)
def test_a_folder_that_cannot_be_is_named(folders, told):
    (line,) = refusal({"folders": folders})
    assert line.startswith("params.yaml: " + told)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"raw.cuhk03": 2013}, "raw.cuhk03: "),
        ({"raw.pit": ""}, "raw.pit: "),
        ({"raw.pitt": "x"}, "raw.pitt: "),
        ({"raw": None}, "raw: "),
        ({"experiment.seeds": [-1]}, "experiment.seeds.0: "),
        ({"experiment.seeds": [2**32]}, "experiment.seeds.0: "),
        ({"systems.seeds": [True]}, "systems.seeds.0: "),
        ({"experiment.sets": ["it's"]}, "experiment.sets.0: "),
        ({"experiment.sets": []}, "experiment.sets: "),
        ({"experiment.generators": ["textur"]}, "experiment.generators.0: "),
        ({"systems.start": ""}, "systems.start: "),
        ({"mnist.divisions": ["d10"]}, "mnist.divisions.0: "),
        ({"mnist.cells": ["lr0.1_b64"]}, "mnist.cells.0: "),
        ({"tables.table1.generators": ["x"]}, "tables.table1.generators.0: "),
        ({"tables.table1": 3}, "tables.table1: "),
        ({"tables.table1.set": ["epochs=3"]}, "tables.table1.set.0: "),
        ({"tables.table1.set": ["train_san.epohcs=3"]}, "tables.table1.set: train_san.epohcs=3: no parameter"),
        ({"tables.table1.set": ["train_san.epochs=many"]}, "tables.table1.set: train_san.epochs=many: of another kind"),
        ({"tables": [1]}, "tables: [1] is no mapping"),
        (
            {"experiment.sets": ["cuhk03_labelled"]},
            "experiment.sets: cuhk03_labelled no set; there are cuhk03_detected",
        ),
        ({"experiment.cross": ["cuhk03_classic_1"]}, "experiment.cross: cuhk03_classic_1 no set"),
        ({"systems.sets": [2024]}, "systems.sets: 2024 no set"),
        ({"experiment.variants": ["sann"]}, "experiment.variants: sann not under train_san.variants"),
        ({"tables.table1.variants": ["sann"], "tables.table1.labels": {}}, "tables.table1.variants: sann not under"),
        ({"report.comparisons": [["san", "base"]]}, "report.comparisons: base not under"),
        ({"report.published.market1501": {"sann": [1, 2]}}, "report.published.market1501: sann not under"),
        ({"report.published.market1502": {"san": [1, 2]}}, "report.published: market1502 no set"),
        ({"compare_systems.published": {"market1502": {"x": [1, 2]}}}, "compare_systems.published: market1502 no set"),
        ({"experiment.generators": []}, "experiment.generators: none, but"),
        ({"experiment.variants": ["san_person"]}, "experiment.generators: variant san_person needs frontal; add it"),
        ({"systems.variants": ["two_brunch"]}, "systems.variants: two_brunch not under train_two_branch.variants"),
        (
            {"systems.names": ["stronk"], "systems.alignments": []},
            "systems.names: stronk not trained; there are aligned",
        ),
        ({"systems.variants": []}, "systems.names: two_branch not trained"),
        ({"systems.alignments": ["strong"]}, "systems.alignments: strong without stripes"),
        ({"compare_systems.labels": {"stronk": "x"}}, "compare_systems.labels: stronk no row"),
        ({"evaluate_system.metric": {"strong": "cosine"}}, "evaluate_system.metric: no 'aligned', which systems.names"),
        ({"mnist.models": ["resnet"]}, "mnist.models: resnet not under train_mnist_classifier.models: perceptron"),
        ({"sweep_mnist.model": "resnet"}, "sweep_mnist.model: resnet not under train_mnist_classifier.models"),
        ({"mnist.grids": ["publishd"]}, "mnist.grids: publishd not under compare_mnist_cells.grids: published"),
        (
            {"report_open_world.shown.link": "dense"},
            "report_open_world.shown.link: dense not under evaluate_open_world.",
        ),
        ({"report_open_world.shown.rule": "by hand 9"}, "report_open_world.shown.rule: 'by hand 9' is not of"),
    ],
)
def test_what_cannot_be_meant_is_named_by_its_key(changes, told):
    lines = refusal(changes)
    assert any(line.startswith("params.yaml: " + told) for line in lines), lines


def test_a_branch_that_would_write_into_another_folder_is_refused():
    values = changed({})
    values["train_two_branch"]["variants"]["san"] = {"sampling": "random", "margin": 1.0, "id_loss": True}
    with pytest.raises(ParamsError, match=r"train_two_branch\.variants\.san: models/"):
        graph_params.check(values, "p")


def test_all_errors_are_reported_together():
    lines = refusal({"raw.cuhk03": 1, "folders": {"a/b": "x"}, "experiment.seeds": [-1], "systems.seeds": [-1]})
    assert len(lines) == 4


def test_sets_with_points_and_splits_are_known():
    changes = {"folders": {"a.b_1": "x"}, "extract_cuhk03_classic.splits": [2], "experiment.sets": ["a.b_1"]}
    changes |= {"experiment.cross": ["cuhk03_classic_2"], "report.published": {"a.b": {"san": [1, 2]}}}
    graph_params.check(changed(changes), "p")
    assert (
        "report.published.a.b: sann not under" in refusal(changes | {"report.published": {"a.b": {"sann": [1, 2]}}})[0]
    )


def test_the_names_are_those_of_the_code_and_of_the_graph():
    assert set(graph_names.get_args(graph_names.System)) == set(networks.NETWORKS)
    assert graph_names.get_args(graph_params.Generator) == train_san_pg.TARGETS
    for division in digits.DIVISIONS:
        graph_params.check({"mnist": {"models": [], "cells": [], "grids": [], "divisions": [division]}}, "p")
    stages = params.parse((ROOT / "dvc.yaml").read_text())["stages"]
    outs = {name: [str(o) for o in stage.get("do", stage).get("outs", [])] for name, stage in stages.items()}
    trained = {out.split("/")[1] for paths in outs.values() for out in paths if out.startswith("models/")}
    systems = set(graph_names.get_args(graph_names.System)) - {"two_branch"}
    assert systems <= trained
    assert {name for name in trained if not name.startswith("$")} <= graph_names.BRANCHES_TAKEN
    interim = {out.split("/")[2] for paths in outs.values() for out in paths if out.startswith("data/interim/")}
    fixed = {name for name in interim if "$" not in name}
    assert fixed | {"cuhk03_labeled", "cuhk03_detected"} == {*graph_names.SETS, *graph_params.OTHERS}


@pytest.mark.parametrize("name", ["lr0.1_wd0.01_b64", "lr1.0_wd0.0_b5", "lr0.001_wd0.001_b200"])
def test_a_cell_is_what_the_training_reads(name):
    assert graph_params.cell(name) == digit_cells.parse(name).name


@pytest.mark.parametrize("name", ["lr0.1", "lr0.10_wd0.1_b5", "lr0.0_wd0.1_b5", "lr0.1.2_wd0.1_b5", "lr0.1_wd0.1_b05"])
def test_another_name_of_a_cell_is_refused(name):
    with pytest.raises(ValueError, match=rf"'{name}' is"):
        graph_params.cell(name)
    with pytest.raises(ValueError, match=rf"'{name}'"):
        digit_cells.parse(name)


def test_nothing_heavy_is_imported():
    heavy = (
        "import sys, sanreid.graph_params; print([m for m in ('torch', 'pandas', 'numpy', 'cv2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
