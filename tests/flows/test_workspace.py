"""Workspaces share a clone's cache, settings and data, and nothing of a run; they leave no trace, crashed ones too."""

import logging
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from flows import dvc_lock, overriding, workspace
from flows.workspace import open_workspace
from tests.flows.conftest import run

GRAPH = """\
stages:
  make:
    cmd: PYTHONPATH=src python -c "import code_of; print(code_of.NAME, ${train.epochs})" > out/made && echo make >> $LOG
    deps: [src/code_of.py, data/raw/set]
    params: [train.epochs]
    outs: [out/made]
  read: {cmd: cat out/made > out/read && echo read >> $LOG, deps: [out/made], outs: [out/read]}
"""
FILES = {
    "params.yaml": "# numbers\ntrain:\n  epochs: 2 # passes\n",
    "src/code_of.py": "NAME = 'first'\n",
    ".gitignore": "/out/*\n!/out/.keep\n/data/raw/\n/data/weights/*\n!/data/weights/README.md\n/.checkpoints/\n",
    ".dvcignore": ".checkpoints\n",
    "out/.keep": "",
    "data/weights/README.md": "what goes here\n",
}


@pytest.fixture
def root(make, tmp_path, monkeypatch):
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    root = make(GRAPH, FILES)
    (root / "data/raw/set").mkdir(parents=True)
    (root / "data/raw/set/a.txt").write_text("a")
    return root


def log(root: Path) -> list[str]:
    """The stages that ran since the last look."""
    path = root.parent / "log"
    lines = path.read_text().split() if path.exists() else []
    path.write_text("")
    return lines


def test_what_a_run_with_its_own_parameters_made_is_not_made_again_in_the_main_tree(root, dvc):
    with open_workspace(root, overrides=["train.epochs=5"]) as space:
        dvc(space, "repro", "-q")
        assert (space / "out/read").read_text() == "first 5\n"
        assert sorted(dvc_lock.read(space)) == ["make", "read"]
    assert log(root) == ["make", "read"]
    assert not (root / dvc_lock.FILE).exists()
    assert "epochs: 2 # passes" in (root / "params.yaml").read_text()
    assert run(root, "git", "status", "--porcelain") == ""
    overriding.apply(root, ["train.epochs=5"])
    dvc(root, "repro", "-q")
    assert (root / "out/read").read_text() == "first 5\n"
    assert log(root) == []


def test_runs_at_once_have_a_workspace_each_and_paths_are_used_again(root):
    with ExitStack() as stack:
        spaces = [stack.enter_context(open_workspace(root, overrides=[f"train.epochs={k}"])) for k in (3, 4, 5)]
        assert len({space.resolve() for space in spaces}) == 3
        for k, space in zip((3, 4, 5), spaces, strict=True):
            assert f"epochs: {k}" in (space / "params.yaml").read_text()
    assert not any(space.exists() for space in spaces)
    with open_workspace(root) as space:
        assert space == spaces[0]
    assert len(run(root, "git", "worktree", "list").splitlines()) == 1


def test_raw_data_weights_and_checkpoints_are_the_clones_and_outlive_the_workspace(root):
    with open_workspace(root) as space:
        assert (space / "data/raw/set/a.txt").read_text() == "a"
        (space / ".checkpoints/key").mkdir()
        (space / "data/weights/net.pth").write_text("w")
    assert (root / ".checkpoints/key").is_dir()
    assert sorted(p.name for p in (root / "data/weights").iterdir()) == ["README.md", "net.pth"]
    assert (root / "data/raw/set/a.txt").is_file()
    with open_workspace(root) as space:
        workspace.checkpoint_in(space, root / ".checkpoints/own")
        (space / ".checkpoints/other").mkdir()
    assert (root / ".checkpoints/own/other").is_dir()


def test_raw_data_beside_files_that_git_has(root):
    (root / "data/raw/README").write_text("of git")
    run(root, "git", "add", "--force", "data/raw/README")
    run(root, "git", "commit", "-qm", "Say what goes there")
    with open_workspace(root) as space:
        assert (space / "data/raw/set/a.txt").read_text() == "a"
        assert not (space / "data/raw/README").is_symlink()


def test_uncommitted_settings_and_relative_remotes_hold_in_a_workspace(root, dvc):
    dvc(root, "remote", "add", "-q", "-d", "store", "../store")
    dvc(root, "remote", "add", "-q", "--local", "second", "s3://bucket/dvc")
    dvc(root, "remote", "modify", "-q", "--local", "second", "secret_access_key", "secret")
    with open_workspace(root) as space:
        said = dvc(space, "remote", "list").split()
        assert said == ["store", str(root.parent / "store"), "(default)", "second", "s3://bucket/dvc"]
        assert "secret_access_key=secret" in dvc(space, "config", "--list").split("second.")[-1]
        assert dvc(space, "cache", "dir").strip() == str(root / ".dvc/cache")
        assert (space / ".dvc/config.local").stat().st_mode & 0o777 == 0o600


def test_handed_entries_are_in_its_lock_file(root, dvc):
    dvc(root, "repro", "-q")
    with open_workspace(root, lock=dvc_lock.read(root, ["make"])) as space:
        assert list(dvc_lock.read(space)) == ["make"]
        dvc(space, "checkout", "-q", "out/made")
        assert (space / "out/made").read_text() == "first 2\n"


def test_a_wrong_key_ends_it_before_anything_runs(root):
    with (
        pytest.raises(overriding.OverrideError, match=r"no key 'train\.epoch'; did you mean train\.epochs"),
        open_workspace(root, overrides=["train.epoch=3"]),
    ):
        pytest.fail("there is no such workspace")
    assert not (root / workspace.ROOM / "0").exists()
    assert len(run(root, "git", "worktree", "list").splitlines()) == 1


def test_it_is_of_a_commit_and_says_what_that_lacks(root, caplog):
    (root / "src/code_of.py").write_text("NAME = 'second'\n")
    (root / "new.py").write_text("")
    caplog.set_level(logging.WARNING)
    with open_workspace(root) as space:
        assert (space / "src/code_of.py").read_text() == "NAME = 'first'\n"
    assert "not committed, so this run does not see it: src/code_of.py, new.py" in caplog.text
    first = run(root, "git", "rev-parse", "HEAD").strip()
    run(root, "git", "commit", "-qam", "Another name")
    with open_workspace(root, rev=first) as space:
        assert (space / "src/code_of.py").read_text() == "NAME = 'first'\n"


def test_a_commit_that_is_elsewhere_is_fetched_or_named(root, tmp_path):
    clone = tmp_path / "other"
    run(tmp_path, "git", "clone", "-q", str(root), str(clone))
    run(root, "git", "commit", "-q", "--allow-empty", "-m", "Later")
    later = run(root, "git", "rev-parse", "HEAD").strip()
    with open_workspace(clone, rev=later) as space:
        assert run(space, "git", "rev-parse", "HEAD").strip() == later
    with (
        pytest.raises(workspace.WorkspaceError, match=r"no commit 'feedbeef'.*push it"),
        open_workspace(clone, rev="feedbeef"),
    ):
        pytest.fail("there is no such workspace")


def test_what_a_killed_run_left_is_swept_up_by_the_next(root):
    body = (
        "import sys, time; from pathlib import Path; from flows.workspace import open_workspace\n"
        "with open_workspace(Path(sys.argv[1])) as space:\n"
        "    (space / 'out/left').write_text('x'); print(space, flush=True); time.sleep(60)"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", body, str(root)], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    left = [Path(child.stdout.readline().strip()) for child in children]  # pyrefly: ignore
    for child in children:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert sorted(path.name for path in left) == ["0", "1"]
    assert all((path / "out/left").exists() for path in left)
    with open_workspace(root) as space:
        assert space.name == "0"
        assert not (space / "out/left").exists()
        assert not (space.parent / "1").exists()
    assert len(run(root, "git", "worktree", "list").splitlines()) == 1


NAMING = """\
stages:
  make: {cmd: mkdir -p out && echo made > out/made, outs: [out/made]}
  read:
    cmd: cat ${raw.market}/a.txt ${raw.part}/b.mat ${pictures}/c.txt ${raw.made} > out/read
    deps: ["${raw.market}", "${raw.part}", "${raw.made}"]
    params: [pictures]
    outs: [out/read]
"""
NAMED = {
    "params.yaml": "raw: {market: downloads/market, part: sets/part, made: out/made}\npictures: mine\nown: [d]\n",
    ".gitignore": "/out/\n/downloads/\n*.mat\n/mine\n/own/*\n",
    "sets/part/README": "what goes here\n",
}


def test_ignored_data_that_the_parameters_name_is_the_clones_wherever_it_lies(make, tmp_path, dvc):
    root = make(NAMING, NAMED)
    pictures = tmp_path / "elsewhere"
    for file in ("downloads/market/a.txt", "downloads/other/a.txt", "sets/part/b.mat", "own/d.txt"):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(f"{file}\n")
    pictures.mkdir()
    (pictures / "c.txt").write_text("c\n")
    (root / "mine").symlink_to(pictures)
    dvc(root, "repro", "-q", "make")
    with open_workspace(root, overrides=["own=[own/d.txt,own/none.txt]"]) as space:
        assert (space / "downloads/market").is_symlink()
        assert not (space / "downloads/other").exists()  # named by nobody
        assert not (space / "out").exists()  # the run's own, not the clone's
        assert (space / "sets/part/README").is_file()
        assert (space / "own/d.txt").read_text() == "own/d.txt\n"
        dvc(space, "repro", "-q")
        assert (space / "out/read").read_text() == "downloads/market/a.txt\nsets/part/b.mat\nc\nmade\n"
    assert (root / "downloads/market/a.txt").is_file()
    assert (pictures / "c.txt").is_file()
    with open_workspace(root, overrides=["raw.market=downloads/other"]) as space:
        assert (space / "downloads/other/a.txt").is_file()


@pytest.mark.slow
def test_dvcs_temporary_folders_want_such_data_named_as_the_readme_says(root, dvc):
    dvc(root, "repro", "-q")
    run(root, "git", "add", "--all")
    run(root, "git", "commit", "-qm", "What was run")
    lacking = subprocess.run(
        [sys.executable, "-m", "dvc", "exp", "run", "--temp", "-S", "train.epochs=7"], cwd=root, capture_output=True
    )
    assert lacking.returncode
    log(root)
    dvc(root, "exp", "run", "--temp", "--copy-paths", "data/raw/set", "read", "-S", "train.epochs=8")
    assert log(root) == ["make", "read"]


def test_data_below_a_link_that_git_ignores_is_found(make, tmp_path):
    root = make(NAMING, NAMED | {".gitignore": "/out/\n/downloads\n"})
    (tmp_path / "disk/market").mkdir(parents=True)
    (tmp_path / "disk/market/a.txt").write_text("a")
    (root / "downloads").symlink_to(tmp_path / "disk")
    with open_workspace(root) as space:
        assert (space / "downloads/market/a.txt").read_text() == "a"


def test_a_path_that_leads_out_of_the_clone_is_refused_with_one_that_holds(make, tmp_path):
    root = make(NAMING, NAMED)
    (tmp_path / "beside").mkdir()
    with (
        pytest.raises(workspace.WorkspaceError, match=f"params.yaml: ../beside: .*write {tmp_path / 'beside'}"),
        open_workspace(root, overrides=["raw.market=../beside"]),
    ):
        pytest.fail("there is no such workspace")
    assert not (root / workspace.ROOM / "0").exists()
