"""The script of a graph's stages: what is written, what it refuses, what a second run does; on a graph of four stages.

The real graph's outputs, byte for byte those of DVC: tests/test_pipeline.py. Signals and GPUs: test_script_running.py.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from flows.overriding import OverrideError
from tools import script

GRAPH = """\
stages:
  first:
    desc: Copy the raw file
    cmd: PYTHONPATH=src python stages/work.py data/raw.txt out/first
    deps: [data/raw.txt, stages/work.py]
    outs: [out/first]
    meta: {gpus: 0, minutes: 1}
  side:
    desc: Two beside one another
    matrix: {kind: [a, b]}
    cmd: PYTHONPATH=src python stages/side.py out/first 'out/side ${item.kind}'
    deps: [out/first, stages/side.py]
    params: [side]
    outs: ["out/side ${item.kind}"]
    meta: {gpus: 1, minutes: 1}
  page:
    cmd: >-
      PYTHONPATH=src python stages/work.py params.yaml
      'out/side a' 'out/side b' reports/page
    deps: [params.yaml, out/side a, out/side b, stages/work.py]
    metrics: [reports/page]
    meta: {gpus: 0, minutes: 1}
"""
PARAMETERS = "# a comment\nside:\n  words: [x, y]  # said\nother: 1  # read by the page alone\n"
WORK = """\
import sys
from pathlib import Path

*sources, out = map(Path, sys.argv[1:])
out.parent.mkdir(exist_ok=True)
out.write_text("".join(s.read_text() for s in sources))
print("wrote", out)
"""


WRITTEN: dict[tuple, str] = {}


class Project:
    """A folder with a small graph, and the script of it."""

    def __init__(self, root: Path, folder: Path, side: str = WORK) -> None:
        self.folder = folder
        for name, content in {
            "dvc.yaml": GRAPH,
            "params.yaml": PARAMETERS,
            "data/raw.txt": "raw\n",
            "stages/work.py": WORK,
            "stages/side.py": side,
        }.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
        (folder / "flows").mkdir()
        shutil.copy(root / "flows/gpu.py", folder / "flows/gpu.py")
        (folder / "bin").mkdir()
        (folder / "bin/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        (folder / "bin/python").chmod(0o755)
        # neither the environment's commands nor the machine's GPUs
        self.env = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": "", "HOME": os.fspath(folder)}

    def write(self, *overrides: str, targets: tuple[str, ...] = (), jobs: int = 1) -> str:
        """Write run.sh anew; its text."""
        state = (self.folder / "dvc.yaml").read_text(), (self.folder / "params.yaml").read_text()
        key = (*state, overrides, targets, jobs)
        if key not in WRITTEN:  # DVC takes a while to be asked
            WRITTEN[key] = script.text(self.folder, targets, overrides, jobs)
        text = WRITTEN[key]
        (self.folder / "run.sh").write_text(text)
        return text

    def start(self, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "run.sh"],
            cwd=self.folder,
            env=self.env | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, **env: str) -> tuple[int, str, str]:
        """Run it to its end: exit status, output, errors."""
        process = self.start(**env)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def ran(self, **env: str) -> list[str]:
        """The stages that a run which ends well ran."""
        status, out, err = self.run(**env)
        assert status == 0, out + err
        return [line.split()[1] for line in out.splitlines() if line.endswith(" ...")]


@pytest.fixture
def project(root, tmp_path) -> Project:
    return Project(root, tmp_path)


def test_the_text_says_every_stage_in_order_and_how_it_was_written(project):
    text = project.write("side.words=[z]", jobs=3)
    assert [line.split()[1] for line in text.splitlines() if line.startswith("  stage ")] == [
        "first",
        "side@a",
        "side@b",
        "page",
    ]
    assert "# Written by: python tools/script.py -S 'side.words=[z]' > run.sh" in text
    assert "JOBS=${JOBS:-3}" in text
    assert "  after side@a side@b\n" in text
    assert "  makes 'out/side a'\n" in text
    assert "\nPYTHONPATH=src python stages/side.py out/first 'out/side a'\nCOMMAND\n" in text
    assert project.write(targets=("side@a",)).count("\n  stage ") == 2


def test_it_makes_what_the_commands_make_and_a_second_run_does_nothing(project):
    project.write()
    assert project.ran() == ["first", "side@a", "side@b", "page"]
    assert (project.folder / "reports/page").read_text() == PARAMETERS + "raw\nraw\n"
    assert (project.folder / "runs/script/side@a.log").read_text() == "wrote out/side a\n"
    assert project.ran(JOBS="4") == []


def test_what_is_missing_or_other_than_it_was_runs_again_with_all_that_reads_from_it(project):
    project.write()
    project.ran()
    (project.folder / "out/side a").unlink()
    assert project.ran() == ["side@a", "page"]
    with (project.folder / "stages/side.py").open("a") as file:
        file.write("# edited\n")
    assert project.ran() == ["side@a", "side@b", "page"]
    (project.folder / "data/raw.txt").write_text("other\n")
    assert project.ran() == ["first", "side@a", "side@b", "page"]
    assert (project.folder / "reports/page").read_text() == PARAMETERS + "other\nother\n"


def test_an_upstream_that_ran_in_a_run_that_was_stopped_counts_in_the_next(project):
    project.write()
    project.ran()
    (project.folder / "out/first").unlink()
    project.write(targets=("first",))
    assert project.ran() == ["first"]
    project.write()
    assert project.ran() == ["side@a", "side@b", "page"]


def test_overrides_are_what_the_stages_see_and_rerun_what_reads_them(project):
    project.write()
    project.ran()
    project.write("other=2")
    status, out, _ = project.run()
    assert status == 0
    assert "params.yaml: changed as -S says" in out
    assert "page ..." in out
    assert "side@a ..." not in out
    expected = PARAMETERS.replace("other: 1  #", "other: 2  #")
    changed = (project.folder / "params.yaml").read_text()
    assert changed.splitlines()[-1].split() == expected.splitlines()[-1].split()
    assert (project.folder / "reports/page").read_text() == changed + "raw\nraw\n"
    assert project.ran() == []  # params.yaml is the overridden one by now
    (project.folder / "params.yaml").write_text(PARAMETERS)
    project.write("side.words=[z]")
    assert project.ran() == ["side@a", "side@b", "page"]


def test_a_failed_stage_is_named_and_the_next_run_goes_on_behind_it(project):
    project.write()
    (project.folder / "stages/side.py").write_text("import sys\nprint('no luck')\nsys.exit(3)\n")
    status, out, err = project.run()
    assert status == 3
    assert "side@a: FAILED after" in err
    assert "exit code 3; the end of runs/script/side@a.log:\nno luck\n" in err
    assert "run the same script again" in err
    assert "side@b" not in out
    (project.folder / "stages/side.py").write_text(WORK)
    assert project.ran() == ["side@a", "side@b", "page"]


def test_a_stage_that_ends_well_without_its_output_has_failed(project):
    project.write()
    (project.folder / "stages/side.py").write_text("")
    status, _, err = project.run()
    assert status == 1
    assert "side@a: FAILED" in err
    assert "exit code 0, out/side a is not there" in err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("echo >> dvc.yaml", "dvc.yaml: not the one that this script was written for; write it again: python tools/"),
        ("echo >> params.yaml", "params.yaml: not the one that this script was written for; put that back, or write"),
        ("mv dvc.yaml elsewhere", "no dvc.yaml and params.yaml here; start the script in the project's folder"),
        ("rm data/raw.txt", "data/raw.txt: not there, and first reads it"),
        ("sed -i 's/^JOBS=.*/JOBS=two/' run.sh", "JOBS=two: how many stages at a time, from 1"),
        ("sed -i \"s/^MODULES=''/MODULES='sys nothing_such'/\" run.sh", "and lacks nothing_such; docs/bare-machine.md"),
        ("rm bin/python; ln -s /nowhere bin/python; sed -i '1a PATH=bin' run.sh", "not found"),
        ("sed -i 's/ 0$/ 3/; 1a CUDA_VISIBLE_DEVICES=4,5' run.sh", "3 GPUs are wanted by a stage and 2 are here: 4 5"),
    ],
)
def test_what_cannot_be_is_one_line_before_any_work(project, change, said):
    project.write()
    subprocess.run(change, shell=True, cwd=project.folder, check=True)
    status, out, err = project.run()
    assert status != 0
    assert said in err
    assert " ..." not in out
    assert not (project.folder / "out").exists()


def test_bad_overrides_leave_a_script_that_says_that_it_is_none(project, root, monkeypatch, capsys):
    with pytest.raises(OverrideError):
        project.write("sidee.words=[z]")
    monkeypatch.chdir(project.folder)
    with pytest.raises(SystemExit):
        script.main(["-S", "sidee.words=[z]"])
    written = capsys.readouterr().out
    done = subprocess.run(["bash", "-c", written], capture_output=True, text=True)
    assert done.returncode == 2
    assert "was not written" in done.stderr


def test_all_that_the_report_imports_is_in_the_page_on_bare_machines_and_pinned_where_it_says_so(root):
    found = script.packages(root, script.plan.steps(root, ["report"], []))
    assert {"torch", "tensorboard", "pyarrow", "cv2"} <= set(found)
    assert not {"sanreid", "json", "dvc", "plotly", "sklearn"} & set(found)
    owners = metadata.packages_distributions()
    wanted = {min(owners[name], key=len).lower().replace(".", "-") for name in found}
    granted, _, rest = (
        (root / "docs/bare-machine.md").read_text().partition("Assumed to be installed:")[2].partition(". ")
    )
    pinned = dict(re.findall(r"^([\w-]+)==([\w.]+)", (root / "tools/bare.lock").read_text(), re.MULTILINE))
    assert {name for name in wanted if not re.search(rf"\b{name}\b", granted)} <= pinned.keys()
    for name, version in pinned.items():
        assert f"{name.replace('ruamel-', 'ruamel.')} {version}" in rest
