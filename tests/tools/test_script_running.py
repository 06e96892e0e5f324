"""The script at work: stages beside one another, GPUs that are not shared, and no process left when it is stopped."""

import os
import signal

import pytest

from tests.processes import alive, wait_for
from tests.tools.test_script import Project

# what a stage of kind a or b does; MEET: it waits for the other, so that one alone never ends
SIDE = """\
import os, sys, time
from pathlib import Path

out = Path(sys.argv[2])
device = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
if os.environ.get("ALONE"):
    os.close(os.open(f"taken-{device}", os.O_CREAT | os.O_EXCL))  # fails where another has it
    time.sleep(0.3)
    os.remove(f"taken-{device}")
if os.environ.get("MEET"):
    Path(f"here-{out.name}").write_text(device)
    while len(list(Path.cwd().glob("here-*"))) < 2:
        time.sleep(0.02)
if os.environ.get("HANG"):
    if os.fork() == 0:
        Path(f"part-{out.name}").write_text(str(os.getpid()))  # each its own: the two stages run at once
        os.rename(f"part-{out.name}", f"child-{out.name}")
    while True:
        time.sleep(1)
out.write_text(device)
"""


@pytest.fixture
def project(root, tmp_path) -> Project:
    project = Project(root, tmp_path, SIDE)
    project.write()
    return project


def devices(project: Project) -> list[str]:
    return sorted((project.folder / f"out/side {kind}").read_text() for kind in "ab")


def test_independent_stages_run_beside_one_another_without_a_gpu_too(project):
    assert project.ran(JOBS="2", MEET="1")[-1] == "page"
    assert devices(project) == ["", ""]


def test_each_of_two_gpus_has_a_stage(project):
    assert project.ran(JOBS="2", MEET="1", CUDA_VISIBLE_DEVICES="GPU-aa,3")[-1] == "page"
    assert devices(project) == ["3", "GPU-aa"]


def test_one_gpu_is_never_shared(project):
    assert project.ran(JOBS="4", ALONE="1", CUDA_VISIBLE_DEVICES="5")[-1] == "page"
    assert devices(project) == ["5", "5"]


def hanging(project: Project) -> list[int]:
    """The processes that the two stages started, once both have."""
    wait_for(lambda: len(list(project.folder.glob("child-*"))) == 2, 40)
    return [int(file.read_text()) for file in project.folder.glob("child-*")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_script_ends_every_process_and_the_next_run_goes_on(project, number):
    process = project.start(JOBS="2", HANG="1")
    children = hanging(project)
    status, _, err = project.run()
    assert status == 2
    assert "another run is at work in this folder" in err
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, out + err
    assert "stopped; the same script goes on" in err
    wait_for(lambda: not any(map(alive, children)))  # a kill is not waited for by who sends it
    assert project.ran() == ["side@a", "side@b", "page"]


def test_a_stage_that_is_killed_has_failed_and_those_beside_it_may_end(project):
    process = project.start(JOBS="2", HANG="1")
    children = hanging(project)
    parents = [os.getpgid(child) for child in children]  # a stage leads its group
    os.kill(parents[0], signal.SIGKILL)
    process.stderr.readline()
    assert alive(parents[1])
    os.kill(parents[1], signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGKILL, out + err
    assert "exit code 137" in err
    wait_for(lambda: not any(map(alive, children)))  # a kill is not waited for by who sends it
