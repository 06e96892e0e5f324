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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from flows import dag, dvc_lock, overriding

ROOM = ".dvc/tmp/workspaces"
PARAMETERS = "params.yaml"
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
    lock: dvc_lock.Entries | None = None,
    rev: str = "HEAD",
) -> Iterator[Path]:
    """A worktree of commit `rev` of the clone `root`, with `overrides` in params.yaml and `lock` in dvc.lock.

    It shares the clone's DVC cache, remotes, raw data, downloaded weights and .checkpoints, and what git ignores of the
    sets and weights that params.yaml names. Raises WorkspaceError, and overriding.OverrideError before anything ran.
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
            dvc_lock.merge(path, lock or {})
            _link_named(root, path)
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
    return [line[3:] for line in lines if line[3:] != dvc_lock.FILE]  # dvc.lock is handed along


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


def _link_named(root: Path, path: Path) -> None:
    """Link the git-ignored data that stages read and params.yaml names, as far as DVC neither makes nor brings it."""
    read, made = dag.paths(path)
    outs = [Path(out) for out in made]
    for name in sorted({*read, *_texts(path / PARAMETERS)}):
        source = Path(os.path.normpath(name))
        if source == Path() or source.is_absolute() or not (root / source).exists():
            continue
        if source.parts[0] == os.pardir:
            raise WorkspaceError(
                f"{root / PARAMETERS}: {name}: outside of the clone, and told from it: a run with a workspace of its "
                f"own would look for it elsewhere; write {(root / source).resolve()}"
            )
        if (path / source).exists():  # git has it, or a part of it
            found = _ignored_in(root, source) if (path / source).is_dir() else []
        else:
            found = [source] if _ignored(root, source) else []
        for part in found:
            ours = any(part in (out, *out.parents) or out in part.parents for out in outs)
            if not ours and not (path / part).exists():
                _link(root / part, path / part)


def _texts(file: Path) -> Iterator[str]:
    """All texts in a YAML file that could be the name of a file."""
    from dvc.utils.serialize import load_yaml

    waiting = [load_yaml(str(file))] if file.is_file() else []
    while waiting:
        value = waiting.pop()
        waiting += value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else []
        if isinstance(value, str) and 0 < len(value) < 4096 and "\n" not in value and "\0" not in value:
            yield value


def _ignored(root: Path, name: Path) -> bool:
    """Whether git ignores the path, or everything in it. Asked from the top: git does not look beyond a link."""
    for part in (*reversed(name.parents[:-1]), name):
        with suppress(WorkspaceError):
            _git(root, "check-ignore", "--quiet", "--", str(part))
            return True
    return bool(_ignored_in(root, name)) and not _git(root, "ls-files", "--", str(name))


def _ignored_in(root: Path, name: Path) -> list[Path]:
    """What git ignores in a folder that it does not ignore, folders in place of all their files."""
    words = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory", "--", f"{name}/")
    with suppress(WorkspaceError):  # beyond a link
        found = sorted(Path(line) for line in _git(root, *words).split("\0") if line)
        return [path for path in found if not set(path.parents) & set(found)]
    return []


def _link(source: Path, target: Path) -> None:
    """Make `target` lead to `source`, also where git has a README: what a stage puts there outlives the workspace."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    if not source.exists():
        source.mkdir(parents=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source.resolve())
