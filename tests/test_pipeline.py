"""One tiny run of the main chain through `dvc repro`, as a user would: from nothing to the page.

What it asserts: the run ends in the page and finite numbers; a second run does nothing; an edit of one parameter
reruns what depends on it and nothing else; a folder laid out as a publisher ships it takes the place of the embedded
set by one line; a script without DVC leaves the same bytes as DVC did. The rest of the graph is in
test_pipeline_rest.py, which goes on in the same workspace.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from flows import overriding
from tests.workspace import Workspace
from tools import plan, script

pytestmark = pytest.mark.slow


OVERRIDES = ["train_san.epochs=3", "train_san_pg.seed=7"]
SCRIPTED = "generate_textures"  # six stages: two sets rendered and read, a training, its textures
GUARD = "import sys\nsys.modules.update(dvc=None, prefect=None, hydra=None)\n"  # importing them fails


@pytest.fixture(scope="module")
def workspace(project) -> Workspace:
    return project


@pytest.fixture(scope="module")
def made_by_dvc() -> dict[str, str]:
    """The sums of what SCRIPTED and its upstream wrote under DVC with OVERRIDES; the first test fills it."""
    return {}


def sums(workspace: Workspace, target: str) -> dict[str, str]:
    """Every file that a target's stages wrote, and the parameters, with its SHA-256."""
    folder = workspace.folder
    outs = [folder / out for step in plan.steps(folder, [target], []) for out in step.outs]
    files = [folder / "params.yaml", *(f for out in outs for f in [out, *out.rglob("*")] if f.is_file())]
    return {f.relative_to(folder).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def test_from_nothing_to_the_page_then_nothing_then_what_an_edit_touches(workspace, made_by_dvc, warm):
    ran = workspace.repro(SCRIPTED)  # as a user starts them; what follows starts from a process that waits with torch
    workspace.hasten(warm)
    ran += workspace.repro("report")
    assert ran[-1] == "report"
    assert "synthesize@pit" in ran
    assert "train_san@cuhk03_labeled-san-0" in ran
    assert not any("strong" in name for name in ran)  # the main chain's page does not wait for other systems
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

    overriding.apply(folder, OVERRIDES[:1])
    assert workspace.repro("report") == [
        "train_san@cuhk03_labeled-baseline-0",
        "train_san@cuhk03_labeled-san-0",
        "evaluate_san@cuhk03_labeled-baseline-0",
        "evaluate_san@cuhk03_labeled-san-0",
        "report",
    ]

    overriding.apply(folder, OVERRIDES[1:])
    ran = workspace.repro("train_san")
    assert "prepare_san@cuhk03_labeled-baseline" in ran
    assert "train_san@cuhk03_labeled-san-0" in ran
    assert "train_san@cuhk03_labeled-baseline-0" not in ran  # starts from scratch: another SAN-PG is nothing to it
    made_by_dvc.update(sums(workspace, SCRIPTED))


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


def test_a_script_without_dvc_leaves_what_dvc_left_byte_for_byte(root, tmp_path, made_by_dvc, kernels):
    if not made_by_dvc:
        pytest.skip("wants what the first test's run of DVC left")
    bare = Workspace(root, tmp_path / "bare", kernels=kernels)
    (bare.folder / "run.sh").write_text(script.text(bare.folder, [SCRIPTED], OVERRIDES, jobs=2))
    shutil.rmtree(bare.folder / ".dvc")
    shutil.rmtree(bare.folder / ".git")
    commands = tmp_path / "commands"
    commands.mkdir()
    (commands / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (commands / "python").chmod(0o755)
    (commands / "sitecustomize.py").write_text(GUARD)
    path = f"{commands}:/usr/bin:/bin"
    env = bare.env | {"PATH": path, "PYTHONPATH": os.fspath(commands)}
    assert shutil.which("dvc", path=path) is None
    assert subprocess.run(["python", "-c", "import dvc"], env=env, capture_output=True).returncode == 1
    done = subprocess.run(["bash", "run.sh"], cwd=bare.folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 stages: 6 ran" in done.stdout
    assert sums(bare, SCRIPTED) == made_by_dvc  # no file tells of time: none is left out
