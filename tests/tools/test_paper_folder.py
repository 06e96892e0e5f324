"""The folder that a run against the clock works in: a copy of the code, another params.yaml, an environment."""

import os
import subprocess
import sys

import pytest

from sanreid.params import ParamsError, parse
from tools import paper_folder

PROFILE = """\
# Every number.
train: # of the network
  epochs: 8 # passes over the images, with a comment that must not be broken off however long it grows, and it does grow
  rates: [0.1, 0.2] # of each
"""


@pytest.fixture
def profile(tmp_path):
    path = tmp_path / "profiles" / "gpu.yaml"
    path.parent.mkdir()
    path.write_text(PROFILE)
    return path


def test_values_change_and_everything_else_stays(profile):
    found = paper_folder.changed(profile, ["train.epochs=2", "train.rates=[0.00001]"])
    assert parse(found) == {"train": {"epochs": 2, "rates": [0.00001]}}
    assert found.splitlines()[2] == PROFILE.splitlines()[2].replace("8", "2", 1)
    assert paper_folder.changed(profile, []) == PROFILE


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epoch=2", "no key 'train.epoch'; did you mean train.epochs"),
        ("train.epochs", "no key 'train.epochs'; did you mean train.epochs"),
        ("train.epochs.more=2", "no key"),
        ("zzz=1", "write section.key=value"),
    ],
)
def test_an_override_that_cannot_be_is_named(profile, override, message):
    with pytest.raises(ParamsError, match=rf"gpu.yaml: -S {override}: .*{message}"):
        paper_folder.changed(profile, [override])


def test_a_profile_that_is_not_there_is_told_with_those_that_are(profile):
    with pytest.raises(ParamsError, match=r"tpu.yaml: no such profile; there are: gpu"):
        paper_folder.changed(profile.with_name("tpu.yaml"), [])


def test_the_copy_holds_the_code_and_nothing_that_was_made(root, tmp_path, profile):
    folder = tmp_path / "work"
    paper_folder.prepare(root, folder, profile, ["train.epochs=3"])
    assert sorted(p.name for p in folder.iterdir()) == ["dvc.yaml", "params.yaml", "src", "stages"]
    assert (folder / "src/sanreid/synthesis/assets/body.npz").is_file()
    assert not list(folder.rglob("__pycache__"))
    assert parse((folder / "params.yaml").read_text())["train"]["epochs"] == 3
    with pytest.raises(ValueError, match=r"work: not empty; name a new folder"):
        paper_folder.prepare(root, folder, profile, [])
    before = paper_folder.identity(root, folder)
    (folder / "stages" / "report.py").write_text("# another")
    after = paper_folder.identity(root, folder)
    assert before["tree"] != after["tree"]
    assert before["parameters"] == after["parameters"]


def test_without_git_there_is_no_revision(tmp_path):
    assert paper_folder.revision(tmp_path) is None


def test_a_command_runs_with_this_python_and_with_unpacked_packages(tmp_path, monkeypatch):
    for name, text in (("src", "here"), ("site", "unpacked")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{text}.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    env = paper_folder.environment(tmp_path, tmp_path / "states")
    (tmp_path / "told.py").write_text("import here, unpacked, sys; print(sys.executable)")
    words = paper_folder.command("PYTHONPATH=src python told.py", env)
    done = subprocess.run(words, shell=True, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert os.path.samefile(done.stdout.strip(), sys.executable)
    assert (env["SANREID_CHECKPOINTS"], env["SANREID_RUNS"]) == (str(tmp_path / "states"), "")
    assert paper_folder.command("make it", env) == "make it"
