"""Tiny runs of the rest of the graph through `dvc repro`: attributes, other systems, a user's own folder.

They go on in the workspace of test_pipeline.py where that ran before them, and make everything themselves else.

What it asserts: attributes are told from either form of their file; a system is trained, measured and compared; a
user's own folder trains and is tested on another set by two lines.
"""

import json
import shutil

import pytest

from sanreid.data import index
from tests.workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workspace(project, warm) -> Workspace:
    project.hasten(warm)
    return project


def test_attributes_are_told_from_nothing_and_from_the_courses_file_alike(workspace):
    ran = workspace.repro("evaluate_attributes")  # the page, if it was made before, has read the labels already
    assert ran[-2:] == ["train_attributes@0", "evaluate_attributes@0"]
    out = workspace.folder / "reports/attributes/seed0"
    assert json.loads((out / "metrics.json").read_text())["split"] == "test"
    weights = (workspace.folder / "models/attributes/seed0/weights.safetensors").read_bytes()
    workspace.edit({"extract_attributes": {"file": "annotations_train.csv"}})
    ran = workspace.repro("evaluate_attributes")
    assert ran == ["extract_attributes", "train_attributes@0", "evaluate_attributes@0"]
    assert json.loads((out / "metrics.json").read_text())["split"] == "val"  # the course's file has no test people
    assert (workspace.folder / "models/attributes/seed0/weights.safetensors").read_bytes() == weights
    workspace.edit({"extract_attributes": {"file": "market_attribute.mat"}})


def test_a_system_is_trained_measured_and_compared(workspace):
    ran = workspace.repro("compare_systems")
    systems = ["train_strong@market1501-0", "evaluate_system@strong-market1501-0", "compare_systems"]
    assert [name for name in ran if "strong" in name or "systems" in name] == systems
    table = (workspace.folder / "reports/comparison/table.md").read_text()
    assert "strong baseline" in table
    assert (workspace.folder / "reports/comparison/index.html").is_file()
    workspace.edit({"train_strong": {"epochs": 3}})
    assert workspace.repro("compare_systems") == systems


def test_a_users_folder_trains_with_no_python_and_is_tested_on_a_classic_split(workspace):
    folder = workspace.folder
    workspace.repro("extract_market1501")
    table = index.read(folder / "data/interim/market1501")
    shutil.copytree(folder / "data/interim/market1501/images", folder / "data/raw/campus/pictures")
    table["path"] = table["path"].str.replace("images/", "pictures/")
    table[["path", "pid", "split"]].to_csv(folder / "data/raw/campus/index.csv", index=False)
    workspace.edit(
        {
            "folders": {"campus": "data/raw/campus"},
            "extract_cuhk03_classic": {"splits": [2]},
            "experiment": {"sets": ["campus"], "cross": ["cuhk03_classic_2"], "variants": ["san"]},
        }
    )
    ran = workspace.repro("report")
    assert {"extract_folder@campus", "extract_cuhk03_classic@2", "train_san@campus-san-0"} <= set(ran)
    assert {"evaluate_san@campus-san-0", "evaluate_cross@campus-cuhk03_classic_2-san-0"} <= set(ran)
    assert not any("cuhk03_labeled" in name for name in ran)  # the experiment's sets alone are trained on
    own = json.loads((folder / "reports/san/campus/san/seed0/metrics.json").read_text())
    assert own["protocol"] == "whole_gallery"
    assert own["queries"] == (table["split"] == "query").sum()
    crossed = folder / "reports/san/cross/campus/cuhk03_classic_2/san/seed0"
    metrics = json.loads((crossed / "metrics.json").read_text())
    assert metrics["protocol"] == "single_gallery_shot"
    assert metrics["rank5"] == 1  # three people, one image each
    assert (crossed / "ranked.jpg").is_file()
    page = (folder / "reports/index.html").read_text()
    assert "campus" in page
    assert "cuhk03_classic_2" in page

    workspace.edit({"experiment": {"cross": []}})
    assert workspace.repro("report") == ["report"]
