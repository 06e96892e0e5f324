"""One tiny run of the whole graph through `dvc repro`, as a user would: from nothing to the page.

What it asserts: the run ends in the page and finite numbers; a second run does nothing; an edit of one parameter
reruns what depends on it and nothing else; a folder laid out as a publisher ships it takes the place of the embedded
set by one line; a user's own folder trains and is tested on another set by two.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sanreid.data import index

pytestmark = pytest.mark.slow

TINY = {
    "synthesize": {"processes": 1},
    "synthesize.pit": {"people": 8, "images": 10},
    "pair_pit": {"validation_people": 2},
    "synthesize.cuhk03": {
        "people": [6, 2, 2, 1, 1],
        "test_people": 5,
        "splits": 2,
        "split_people": 3,
        "heights": [70, 100],
    },
    "synthesize.market1501": {
        "train_people": 6,
        "test_people": 4,
        "cameras_a_person": [2, 3],
        "frames_a_camera": [1, 2],
    },
    "synthesize.market1501 ": {"distractors": 4, "junk": 2},
    "synthesize.mnist": {"test_per_digit": 485},
    "extract_cuhk03": {"validation_people": 2},
    "san": {"width": 8, "fc": 16, "height": 64, "width_px": 32, "texture": 64, "decoder_channels": [16, 16, 8, 8, 4]},
    "train_san_pg": {"epochs": 2},
    "train_san_pg.pictures": {"every": 1, "people": 2},
    "train_san_pg.optimiser.warm_up": {"epochs": 1},
    "train_san": {"epochs": 2, "people": 3, "images": 2},
    "train_san.optimiser.warm_up": {"epochs": 1},
    "train_san.pictures": {"every": 1, "people": 2},
    "train_attributes": {"epochs": 2, "batch": 4},
    "train_attributes.network": {"width": 8, "height": 64, "width_px": 32},
    "evaluate_attributes": {"pictures": 2},
    "experiment": {"variants": ["baseline", "san"], "seeds": [0]},
    "evaluate_textures": {"images": 10, "samples": 2},
    "evaluate_san.lists": {"queries": 2, "top": 5},
    "report": {"people": 2},
    "systems": {"names": ["strong"], "variants": [], "sets": ["market1501"], "alignments": []},
    "mnist": {"models": ["perceptron"], "cells": [], "grids": [], "divisions": []},
    "train_strong": {"epochs": 2, "people": 3, "images": 2},
    "train_strong.network": {"width": 8, "height": 64, "width_px": 32},
    "train_strong.optimiser.warm_up": {"epochs": 1},
    "evaluate_system.reranking": {"k1": 4, "k2": 2},
    "evaluate_system.lists": {"queries": 2, "top": 5},
    "compare_systems": {"people": 2},
}


class Workspace:
    """A copy of the project's files under git and DVC, with tiny parameters."""

    def __init__(self, root: Path, folder: Path) -> None:
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=root, check=True, capture_output=True, text=True).stdout.split("\0")
        for name in filter(None, names):
            if name == "dvc.lock" or not (root / name).is_file():
                continue
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)
        self.folder = folder
        path = [str(Path(sys.executable).parent), os.environ["PATH"]]
        self.env = os.environ | {
            "PATH": os.pathsep.join(path),
            "PYTHONPATH": str(folder / "src"),
            "DVC_NO_ANALYTICS": "1",
            "OMP_NUM_THREADS": "1",  # tensors this small lose by more
        }
        self.run("git", "init", "-q")

    def run(self, *command: str) -> str:
        """Run in the workspace; a failure shows what was printed."""
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    def repro(self, *arguments: str) -> list[str]:
        """The stages that `dvc repro` ran."""
        lines = self.run("dvc", "repro", *arguments).splitlines()
        return [line.split("'")[1] for line in lines if line.startswith("Running stage")]

    def edit(self, values: dict[str, dict]) -> None:
        """Change params.yaml; dotted names descend."""
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        for name, change in values.items():
            section = params
            for part in name.strip().split("."):
                section = section[part]
            assert name == "folders" or change.keys() <= section.keys(), (
                f"{name}: {change.keys() - section.keys()} are no keys"
            )
            section.update(change)
        path.write_text(yaml.safe_dump(params))


@pytest.fixture(scope="module")
def workspace(root, tmp_path_factory) -> Workspace:
    made = Workspace(root, tmp_path_factory.mktemp("project"))
    shutil.copy2(root / "profiles" / "demo.yaml", made.folder / "params.yaml")
    made.edit(TINY)
    return made


def test_from_nothing_to_the_page_then_nothing_then_what_an_edit_touches(workspace):
    ran = workspace.repro("report")
    assert ran[-1] == "report"
    assert "synthesize@pit" in ran
    assert "train_san@cuhk03_labeled-san-0" in ran
    folder = workspace.folder
    page = (folder / "reports" / "index.html").read_text()
    assert "</html>" in page
    assert 'src="http' not in page
    metrics = json.loads((folder / "reports/san/cuhk03_labeled/san/seed0/metrics.json").read_text())
    assert all(0 <= metrics[k] <= 1 for k in ("rank1", "rank5", "rank10", "mAP", "mINP"))
    assert metrics["rank1"] <= metrics["rank5"] <= metrics["rank10"]
    textures = json.loads((folder / "reports/textures/cuhk03_labeled/metrics.json").read_text())
    assert textures["available"]

    assert workspace.repro("report") == []

    workspace.edit({"train_san": {"epochs": 3}})
    assert workspace.repro("report") == [
        "train_san@cuhk03_labeled-baseline-0",
        "train_san@cuhk03_labeled-san-0",
        "evaluate_san@cuhk03_labeled-baseline-0",
        "evaluate_san@cuhk03_labeled-san-0",
        "report",
    ]

    workspace.edit({"train_san_pg": {"seed": 7}})
    ran = workspace.repro("train_san")
    assert "prepare_san@cuhk03_labeled-baseline" in ran
    assert "train_san@cuhk03_labeled-san-0" in ran
    assert "train_san@cuhk03_labeled-baseline-0" not in ran  # starts from scratch: another SAN-PG is nothing to it


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


def test_a_system_is_trained_measured_and_compared_and_the_page_does_not_wait_for_it(workspace):
    ran = workspace.repro("compare_systems")
    systems = ["train_strong@market1501-0", "evaluate_system@strong-market1501-0", "compare_systems"]
    assert [name for name in ran if "strong" in name or "systems" in name] == systems
    table = (workspace.folder / "reports/comparison/table.md").read_text()
    assert "strong baseline" in table
    assert (workspace.folder / "reports/comparison/index.html").is_file()
    workspace.edit({"train_strong": {"epochs": 3}})
    assert workspace.repro("compare_systems") == systems
    assert "train_strong@market1501-0" not in workspace.repro("report")


def test_a_publishers_folder_takes_the_embedded_sets_place_by_one_line(workspace):
    folder = workspace.folder
    workspace.repro("extract_cuhk03@labeled")
    raw = folder / "data" / "raw" / "cuhk03" / "cuhk03_release"
    raw.mkdir(parents=True)
    for file in (folder / "data" / "synthetic" / "cuhk03").glob("*.mat"):  # no truth/: no publisher has that
        shutil.copy2(file, raw)
    before = (folder / "data/interim/cuhk03_labeled/index.parquet").read_bytes()
    workspace.edit({"raw": {"cuhk03": "data/raw/cuhk03"}})
    assert workspace.repro("extract_cuhk03@labeled", "evaluate_textures") == [
        "extract_cuhk03@labeled",
        "generate_textures@cuhk03_labeled-texture",
        "evaluate_textures@cuhk03_labeled",
    ]
    assert (folder / "data/interim/cuhk03_labeled/index.parquet").read_bytes() == before
    assert list((folder / "data/interim/cuhk03_labeled/truth").glob("*")) == []
    textures = json.loads((folder / "reports/textures/cuhk03_labeled/metrics.json").read_text())
    assert textures["available"] is False


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
