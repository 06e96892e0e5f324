"""The stage graph, as DVC reads it from dvc.yaml: the only file that touches DVC's Python objects.

Decisions: DVC's classes are undocumented, so nothing of them leaves this file. A `Repo` is not thread-safe, so one at a
time is open in a process. What is up to date is DVC's to say, and one question for many stages costs hardly more than
one for a single stage.
"""

import difflib
import functools
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dvc.repo import Repo

METRICS = "metrics.json"  # an output of this name holds metrics, declared to DVC as such or not

_ONE_REPO = threading.RLock()
_held: dict[Path, "Repo"] = {}  # by the thread that has the lock

Changes = Mapping[str, list[Any]]  # stage -> what DVC says has changed


class GraphError(ValueError):
    """dvc.yaml cannot be read, or a target is not in it; the message says which and what to do."""


@dataclass(frozen=True)
class Stage:
    """One stage; a member of a matrix is a stage of its own, `name@member`.

    Paths are POSIX and relative to the root of the repository, those outside of it as they are written. `upstream` are
    the names of the stages that it reads from. From `meta`: `gpus` that its command takes (0: none), `minutes` after
    which the command is ended (None: never), and how many `retries` follow a failure.
    """

    name: str
    desc: str
    cmd: str
    upstream: tuple[str, ...]
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    metrics: tuple[str, ...]
    plots: tuple[str, ...]
    gpus: int
    minutes: float | None
    retries: int


@contextmanager
def opened(root: Path) -> Iterator["Repo"]:
    """DVC's repository at `root`, this process's only one; DVC's errors become GraphError. Within `held`, that one."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    with _ONE_REPO:
        place = Path(root).resolve()
        if place in _held:
            yield _held[place]
            return
        try:
            with Repo(os.fspath(root), _wait_for_lock=True) as repo:
                yield repo
        except DvcException as error:
            cause = f": {error.__cause__}" if error.__cause__ else ""
            raise GraphError(f"{Path(root) / 'dvc.yaml'}: {error}{cause}") from error


@contextmanager
def held(root: Path) -> Iterator[None]:
    """Several questions to DVC at one moment: the graph is read once, and nobody changes it meanwhile."""
    from dvc.repo import lock_repo

    with opened(root) as repo, lock_repo(repo):
        _held[Path(root).resolve()] = repo
        try:
            yield
        finally:
            del _held[Path(root).resolve()]


def load(root: Path, targets: Iterable[str] | None = None) -> dict[str, Stage]:
    """The stages by name, upstream ones first: all, or the targets and what they need.

    A target is a stage's name, `name@member` or the `name` that a matrix's members share. Raises GraphError.
    """
    from dvc.stage import PipelineStage

    with opened(root) as repo:
        graph = repo.index.graph  # edges run from a stage to those it reads from
        found = {
            name_of(s): _stage(s, sorted(name_of(u) for u in graph.successors(s) if isinstance(u, PipelineStage)))
            for s in graph
            if isinstance(s, PipelineStage)  # a .dvc file is data, not work
        }
    named = list(targets or ())
    wanted = {name for target in named for name in members(found, target)} if named else set(found)
    ordered: dict[str, Stage] = {}
    for name in found:
        if name in wanted:
            _visit(name, found, ordered)
    return ordered


def paths(root: Path) -> tuple[set[str], set[str]]:
    """What the stages read, and what DVC makes or brings (.dvc files' data too); POSIX paths, as in `Stage`."""
    from dvc.dependency import ParamsDependency

    with opened(root) as repo:
        read = {_path(dep) for dep in repo.index.deps if not isinstance(dep, ParamsDependency)}
        return read, {_path(out) for out in repo.index.outs}


def parameters(root: Path) -> dict[str, dict[str, Any]]:
    """The parameters that each stage reads (its `params` in dvc.yaml) with their values, by stage and dotted key."""
    from dvc.dependency import ParamsDependency
    from dvc.stage import PipelineStage

    with opened(root) as repo, _looking_once():
        return {
            name_of(stage): {
                key: value
                for dep in stage.deps
                if isinstance(dep, ParamsDependency)
                for key, value in dep.read_params().items()
            }
            for stage in repo.index.stages
            if isinstance(stage, PipelineStage)
        }


def _path(of: Any) -> str:
    """Where an output or dependency lies: relative to the repository's root, or as it is written where outside."""
    root = of.repo.root_dir
    inside = of.protocol == "local" and Path(of.fs_path).is_relative_to(root)
    return Path(of.fs_path).relative_to(root).as_posix() if inside else str(of.def_path)


def name_of(stage: Any) -> str:
    """What DVC calls a stage at the repository's root; its own `addressing` is relative to the working directory."""
    file = Path(stage.path_in_repo).as_posix()
    return stage.name if file == "dvc.yaml" else f"{file}:{stage.name}"


def members(stages: Mapping[str, Any], target: str) -> list[str]:
    """The names of the stages that a target stands for. Raises GraphError that names those near."""
    if target in stages:
        return [target]
    if found := [name for name in stages if name.rpartition("@")[0] == target]:
        return found
    known = {*stages, *(name.rpartition("@")[0] for name in stages)} - {""}
    near = difflib.get_close_matches(target, sorted(known), n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "`dvc stage list` lists them"
    raise GraphError(f"target '{target}' is no stage of dvc.yaml; {hint}")


def _visit(name: str, found: Mapping[str, Stage], ordered: dict[str, Stage]) -> None:
    """Append `name` to `ordered`, what it reads from first."""
    if name in ordered:
        return
    for upstream in found[name].upstream:
        _visit(upstream, found, ordered)
    ordered[name] = found[name]


def _stage(stage: Any, upstream: Sequence[str]) -> Stage:
    from dvc.dependency import ParamsDependency

    meta = stage.meta or {}
    return Stage(
        name=name_of(stage),
        desc=" ".join((stage.desc or "").split()),
        cmd=stage.cmd if isinstance(stage.cmd, str) else "\n".join(stage.cmd),
        upstream=() if stage.frozen else tuple(upstream),
        deps=tuple(_path(d) for d in stage.deps if not isinstance(d, ParamsDependency)),
        outs=tuple(_path(o) for o in stage.outs),
        metrics=tuple(_path(o) for o in stage.outs if o.metric or Path(o.fs_path).name == METRICS),
        plots=tuple(_path(o) for o in stage.outs if o.plot),
        gpus=int(meta.get("gpus", 0)),
        minutes=float(meta["minutes"]) if "minutes" in meta else None,
        retries=int(meta.get("retries", 0)),
    )


def descendants(stages: Mapping[str, Stage], names: Iterable[str]) -> set[str]:
    """The names of the stages that read, through others too, from those named; the named ones are not among them."""
    reached = set(names)
    below: set[str] = set()
    for stage in stages.values():  # upstream first, so one pass is enough
        if reached & set(stage.upstream):
            reached.add(stage.name)
            below.add(stage.name)
    return below


@contextmanager
def _looking_once() -> Iterator[None]:
    """Let DVC look at each file once while it is asked about many stages: a set's folder has a dozen readers."""
    from dvc.dependency import param
    from dvc.output import Output

    look, parse = Output._get_hash_meta, param.load_path
    seen: dict[tuple[Any, ...], Any] = {}

    def remembered(self: Output) -> Any:
        key = (self.protocol, self.fs_path, self.hash_name)
        if key not in seen:
            seen[key] = look(self)  # raises for a path that is not there, which is not remembered
        return seen[key]

    Output._get_hash_meta = remembered
    param.load_path = functools.cache(parse)
    try:
        yield
    finally:
        Output._get_hash_meta, param.load_path = look, parse


def changes(root: Path, names: Iterable[str] | None = None) -> Changes:
    """What DVC would run or restore among the stages (all, or those named), and why; unchanged ones are left out."""
    from dvc.repo import lock_repo
    from dvc.stage import PipelineStage

    asked = None if names is None else set(names)
    found: dict[str, list[Any]] = {}
    if asked == set():
        return found
    with opened(root) as repo, lock_repo(repo), _looking_once():
        for stage in repo.index.stages:
            if isinstance(stage, PipelineStage) and (asked is None or name_of(stage) in asked):
                for changed in stage.status().values():
                    found[name_of(stage)] = changed
    return found


def up_to_date(root: Path, name: str) -> bool:
    """Whether DVC has nothing to do for a stage: what it reads, its command and what it wrote are as in dvc.lock."""
    return not changes(root, [name])
