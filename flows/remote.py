"""The DVC side of several machines: a stage's inputs come from the shared cache or remote, its outputs go there.

Interface: in a workspace whose dvc.lock holds the entries of a stage's upstream, `bring_inputs`, `recall`, then DVC
runs or restores the stage, then `push`; `bring_outputs` for who wants the results, `bring_data` for a workspace that
runs its stages itself; `identity` names a run of a stage, the same on every machine.

Decisions: DVC does all of it, by the classes behind its commands (this file and dag.py alone know them). The commands
themselves will not do, for two reasons. With `--run-cache` they send every entry of the run cache at every stage, a
second for 150 entries on loopback and far more over a network; here an entry goes when its stage has run. And outputs
with `cache: false` stay at home: for DVC they are git's, but the next stage has to have them before any commit, so here
they travel as the cached ones do. (A stage with such an output that is no metric and no plot has no run cache: then its
handed entry alone tells that it was run.) Without a remote nothing is sent: machines that share a cache folder, or one
machine alone, need none.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows import dag

if TYPE_CHECKING:
    from dvc.fs import FileSystem
    from dvc.repo import Repo


class RemoteError(RuntimeError):
    """Data is not to be had, or not to be sent; the message names it and says what to do."""


@dataclass(frozen=True)
class Storage:
    """A DVC remote: the file system that DVC opened for it, and the folder in that."""

    fs: "FileSystem"
    path: str


def storage(root: Path) -> Storage | None:
    """The default remote (`dvc remote default`), or None where there is none."""
    with dag.opened(root) as repo:
        return _storage(repo)


def identity(root: Path, name: str) -> str | None:
    """DVC's own name of a run: a hash of command, parameters, the content of all inputs and the paths of the outputs.

    What the stage reads has to be in place. None where the run cache knows no such stage (one that reads nothing).
    """
    with dag.opened(root) as repo, _locked(repo):
        (stage,) = _find(repo, [name])
        stage.save_deps()
        return _key(stage)


def bring_inputs(root: Path, name: str) -> None:
    """Put what the stage reads in place: its upstream's outputs as dvc.lock says, and data that .dvc files name.

    Raises RemoteError where something is not to be had.
    """
    from dvc.stage import PipelineStage

    with dag.opened(root) as repo, _locked(repo):
        (stage,) = _find(repo, [name])
        upstream = list(repo.index.graph.successors(stage))
        if unknown := [_called(s) for s in upstream if isinstance(s, PipelineStage) and not _made(s)]:
            raise RemoteError(f"{name}: dvc.lock has no entry of {', '.join(sorted(unknown))}: run what it reads first")
        _bring(repo, upstream)
        if missing := [str(dep) for dep in stage.deps if dep.protocol == "local" and not dep.exists and dep.def_path]:
            raise RemoteError(
                f"{name}: {', '.join(missing)} is neither in git, nor what a stage makes, nor in this clone ({root}): "
                "put it under data/raw of each worker's clone, or `dvc add` and push it"
            )


def bring_data(root: Path, names: Iterable[str]) -> None:
    """Put in place what .dvc files name of what the stages read; a new workspace has the files alone. RemoteError."""
    from dvc.stage import PipelineStage

    with dag.opened(root) as repo, _locked(repo):
        graph = repo.index.graph
        above = {s for stage in _find(repo, names) for s in graph.successors(stage) if not isinstance(s, PipelineStage)}
        _bring(repo, sorted(above, key=_called))


def bring_outputs(root: Path, names: Iterable[str]) -> None:
    """Put the outputs of stages in place as dvc.lock says; stages without an entry are left alone."""
    with dag.opened(root) as repo, _locked(repo):
        _bring(repo, [stage for stage in _find(repo, names) if _made(stage)])


def recall(root: Path, name: str) -> str | None:
    """Fetch the outputs of earlier runs of the stage with the same inputs, so that DVC restores them and runs nothing.

    These are the run that dvc.lock records and those of the remote's run cache; of what is not complete DVC makes
    nothing, and runs the stage. What it reads has to be in place. Returns its `identity`.
    """
    from dvc.utils.serialize import load_yaml
    from dvc_data.hashfile.hash_info import HashInfo

    key = identity(root, name)
    with dag.opened(root) as repo, _locked(repo):
        (stage,) = _find(repo, [name])
        remote, cache = _storage(repo), _cache(repo)
        if remote is None:
            return key
        wanted = {out.hash_info for out in stage.outs if out.hash_info}
        for entry in _copy_runs(key, remote, cache) if key else ():
            wanted |= {HashInfo("md5", out["md5"]) for out in load_yaml(entry)["outs"] if "md5" in out}
        _fetch(repo, wanted)
    return key


def push(root: Path, name: str) -> bool:
    """Send the stage's outputs and its entry of the run cache; False where there is no remote to send to.

    Outputs with `cache: false` are copied to the cache for that. Raises RemoteError.
    """
    with dag.opened(root) as repo, _locked(repo):
        (stage,) = _find(repo, [name])
        remote = _storage(repo)
        if remote is None:
            return False
        repo.cache.local.cache_types = ["copy"]  # what is uncached stays a file of its own, not a link to the cache
        for out in stage.outs:
            if not out.use_cache:
                out.use_cache = True
                out.commit()
        for odb, objects in stage.get_used_objs().items():
            if failed := repo.cloud.push(objects, odb=odb).failed:
                raise RemoteError(f"{name}: {len(failed)} files could not be sent to {remote.path}")
        if key := _key(stage):
            _copy_runs(key, _cache(repo), remote)
        return True


@contextmanager
def _locked(repo: "Repo") -> Iterator[None]:
    from dvc.repo import lock_repo

    with lock_repo(repo):
        yield


def _find(repo: "Repo", names: Iterable[str]) -> list[Any]:
    """DVC's objects for the stages, in that order. Raises dag.GraphError."""
    from dvc.stage import PipelineStage

    found = {dag.name_of(stage): stage for stage in repo.index.stages if isinstance(stage, PipelineStage)}
    return [found[member] for name in names for member in dag.members(found, name)]


def _called(stage: Any) -> str:
    """A stage's name, or the path of a .dvc file."""
    from dvc.stage import PipelineStage

    return dag.name_of(stage) if isinstance(stage, PipelineStage) else stage.path_in_repo


def _made(stage: Any) -> bool:
    """Whether dvc.lock says what the stage wrote."""
    return bool(stage.outs) and all(out.hash_info for out in stage.outs)


def _storage(repo: "Repo") -> Storage | None:
    from dvc.config import NoRemoteError

    try:
        remote = repo.cloud.get_remote()
    except NoRemoteError:
        return None
    return Storage(remote.fs, remote.path)


def _cache(repo: "Repo") -> Storage:
    return Storage(repo.cache.legacy.fs, repo.cache.legacy.path)


def _key(stage: Any) -> str | None:
    """The run cache's name for a run of the stage with the inputs that it holds."""
    from dvc.stage.cache import _can_hash, _get_stage_hash

    return _get_stage_hash(stage) if _can_hash(stage) else None


def _bring(repo: "Repo", stages: Sequence[Any]) -> None:
    """Fetch what the cache lacks of the stages' outputs, and check all of them out."""
    for stage in stages:
        for out in stage.outs:
            out.use_cache = True
    remote = _storage(repo)
    if remote is not None:
        _fetch(repo, {out.hash_info for stage in stages for out in stage.outs})
    for stage in stages:
        if not stage.outs_cached() or stage.checkout().get("failed"):
            place = f"nor in {remote.path}" if remote else "and there is no remote"
            raise RemoteError(
                f"what {_called(stage)} wrote ({', '.join(out.def_path for out in stage.outs)}) is not in the cache "
                f"({repo.cache.legacy.path}) {place}: push it from where it was made or run it again; machines need "
                "a remote (`dvc remote add --default NAME URL`) or a cache (`dvc cache dir --local FOLDER`) in common"
            )


def _fetch(repo: "Repo", wanted: Iterable[Any]) -> None:
    """Fetch objects that the cache lacks, by their hashes; those of folders first, then the files that these name."""
    from dvc_data.hashfile.tree import Tree

    cache = repo.cache.local

    def lacking(hashes: Iterable[Any]) -> set[Any]:
        return {one for one in hashes if not cache.exists(one.value)}

    wanted = set(wanted)
    folders = {one for one in wanted if one.isdir}
    if lacking(folders):
        repo.cloud.pull(lacking(folders))
    files = wanted - folders
    for folder in folders - lacking(folders):
        files |= {file for _, _, file in Tree.load(cache, folder)}
    if lacking(files):
        repo.cloud.pull(lacking(files))


def _copy_runs(key: str, source: Storage, target: Storage) -> list[str]:
    """Copy the run cache's entries for `key` that the target lacks; all paths in the target. Names are hashes."""
    from dvc.fs import generic

    def folder(place: Storage) -> str:
        return place.fs.join(place.path, "runs", key[:2], key)

    def names(place: Storage) -> set[str]:
        place.fs.fs.invalidate_cache()  # what another machine has written since
        with suppress(FileNotFoundError):
            return {place.fs.name(path) for path in place.fs.find(folder(place))}
        return set()

    there, here = names(source), names(target)
    for name in sorted(there - here):
        target.fs.makedirs(folder(target))
        generic.copy(source.fs, source.fs.join(folder(source), name), target.fs, target.fs.join(folder(target), name))
    return [target.fs.join(folder(target), name) for name in sorted(there | here)]
