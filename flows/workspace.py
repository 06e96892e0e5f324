"""A workspace of its own for a run: a git worktree of one commit, with the run's parameters.

Interface: `open_workspace(root, overrides=, lock=, rev=)` yields its path and removes it afterwards; `changed(root)`
are the edits that no commit holds, which no workspace sees; `checkpoint_in(path, folder)` gives its stages another
folder for their checkpoints than the clone's.

Decisions: two runs never share a workspace, since DVC keeps one params.yaml, one dvc.lock and one set of outputs in
each; they share the clone's cache, so that what one made the other restores. Workspaces are numbered slots under
.dvc/tmp, neither git's nor DVC's business, and on the cache's disk, so that outputs are links: a slot is held by an
flock, which the kernel frees with its holder, whatever ended it; the next to open one sweeps up what was left. The same
few paths come again and again, so DVC's memory of file hashes, which goes by path, serves them and does not grow.
Overrides are parsed by DVC (`dvc exp run -S`), and checked before: DVC's own error names no key that is near.
"""

import fcntl
import logging
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from flows import locks, overriding

ROOM = ".dvc/tmp/workspaces"
CHECKPOINTS = ".checkpoints"  # what a killed training goes on from
OWN = ("data/raw", "data/weights")  # the user's downloads: in the clone alone, but for a README not in git

log = logging.getLogger("flows.workspace")


class WorkspaceError(RuntimeError):
    """There can be no such workspace; the message says why and what to do."""


@contextmanager
def open_workspace(
    root: Path,
    *,
    overrides: Sequence[str] = (),
    lock: locks.Entries | None = None,
    rev: str = "HEAD",
) -> Iterator[Path]:
    """A worktree of commit `rev` of the clone `root`, with `overrides` in params.yaml and `lock` in dvc.lock.

    It shares the clone's DVC cache, remotes, raw data, downloaded weights and .checkpoints. Raises WorkspaceError, and
    overriding.OverrideError before anything has run.
    """
    root = Path(root).resolve()
    commit = find(root, rev)
    if rev == "HEAD" and (edits := changed(root)):
        log.warning("%s: not committed, so this run does not see it: %s", root, ", ".join(edits))
    with _slot(root) as path:
        _git(root, "worktree", "add", "--quiet", "--detach", "--force", str(path), commit)
        try:
            _share_dvc(root, path)
            for name in (*OWN, CHECKPOINTS):
                _link(root / name, path / name)
            overriding.apply(path, overrides)
            locks.merge(path, lock or {})
            yield path
        finally:
            _remove(root, path)


def find(root: Path, rev: str) -> str:
    """The commit that `rev` names, fetched if the clone lacks it. Raises WorkspaceError."""
    words = ("rev-parse", "--quiet", "--verify", f"{rev}^{{commit}}")
    with suppress(WorkspaceError):
        return _git(root, *words).strip()
    with suppress(WorkspaceError):
        _git(root, "fetch", "--quiet", "--all")
        return _git(root, *words).strip()
    raise WorkspaceError(f"{root}: no commit '{rev}', and none of its git remotes has it: push it to one of them")


def changed(root: Path) -> list[str]:
    """Files that differ from the last commit, new ones included, except those that git ignores."""
    lines = _git(Path(root), "status", "--porcelain", "--untracked-files=normal").splitlines()
    return [line[3:] for line in lines if line[3:] != locks.FILE]  # dvc.lock is handed along


def checkpoint_in(path: Path, folder: Path) -> None:
    """Let `folder` be the workspace's .checkpoints."""
    (path / CHECKPOINTS).unlink()
    _link(folder, path / CHECKPOINTS)


@contextmanager
def _slot(root: Path) -> Iterator[Path]:
    """The path of a free slot, held; what crashed runs left in any slot is removed."""
    room = root / ROOM
    room.mkdir(parents=True, exist_ok=True)
    for held in room.glob("*.lock"):
        with held.open("a") as file:
            if _try(file):
                _remove(root, held.with_suffix(""))
    number = 0
    while True:
        with (room / f"{number}.lock").open("a") as file:
            if _try(file):
                _remove(root, room / str(number))  # somebody may have come and crashed since
                yield room / str(number)
                return
        number += 1


def _try(file: IO[str]) -> bool:
    """Whether the lock on the open `file` is now ours; it ends when the file is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(root: Path, path: Path) -> None:
    """Remove a worktree, whatever state it is in; links are removed, not what they lead to."""
    if not path.exists():
        return
    shutil.rmtree(path, ignore_errors=True)
    _git(root, "worktree", "prune")
    if path.exists():
        log.warning("%s: could not be removed whole; the next workspace tries again", path)


def _git(root: Path, *words: str) -> str:
    """Run git in `root`, one at a time in all processes where worktrees are concerned; its output."""
    room = root / ROOM
    room.mkdir(parents=True, exist_ok=True)
    # no hooks: DVC's own post-checkout would check out every output here
    command = ["git", "-c", f"core.hooksPath={os.devnull}", *words]
    with (room / "git").open("a") as file:
        if words[0] == "worktree":
            fcntl.flock(file, fcntl.LOCK_EX)
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WorkspaceError(f"{root}: git {' '.join(words)}: {done.stderr.strip() or 'failed'}")
    return done.stdout


def _share_dvc(root: Path, path: Path) -> None:
    """Give the worktree the clone's DVC settings, uncommitted ones and credentials too, and its cache.

    DVC writes them: a relative path counts from the file that holds it.
    """
    from dvc.config import Config, merge

    clone = Config(os.fspath(root / ".dvc"))
    shared = clone.read("repo")
    merge(shared, clone.read("local"))
    shared["cache"]["dir"] = os.path.abspath(clone["cache"].get("dir") or root / ".dvc/cache")
    with Config(os.fspath(path / ".dvc")).edit("local") as config:
        merge(config, shared)
    (path / ".dvc/config.local").chmod(0o600)  # credentials


def _link(source: Path, target: Path) -> None:
    """Make `target` lead to `source`, also where git has a README: what a stage puts there outlives the workspace."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    source.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source.resolve())
