"""Run what a new data set needs: the stages that read it, and the evaluations below them.

Decisions: new data is what a stage reads, no stage writes, git does not hold and DVC says has changed: `raw:` in
params.yaml points elsewhere, or other files lie there. So no state is kept here but DVC's own: once read, it is no
longer new, and what failed further down is the nightly run's. An evaluation is a stage that writes metrics.
"""

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from prefect import flow, get_run_logger
from prefect.flow_engine import run_flow
from prefect.states import Completed, State

from flows import dag
from flows.dag import Changes, Stage
from flows.pipeline import pipeline


def outside(stages: Mapping[str, Stage], tracked: Iterable[str]) -> dict[str, list[str]]:
    """The paths that stages read, that no stage writes and git does not hold: each with its readers."""
    outs = [Path(out) for stage in stages.values() for out in stage.outs]
    held = {Path(file) for file in tracked}
    held |= {parent for file in held for parent in file.parents}
    found: dict[str, list[str]] = {}
    for stage in stages.values():
        for dep in map(Path, stage.deps):
            made = any(dep == out or out in dep.parents or dep in out.parents for out in outs)
            if not made and dep not in held:
                found.setdefault(dep.as_posix(), []).append(stage.name)
    return found


def news(stages: Mapping[str, Stage], tracked: Iterable[str], changes: Changes) -> dict[str, list[str]]:
    """Of those paths the ones with other content than their readers have seen, each with these readers."""
    found: dict[str, list[str]] = {}
    for path, readers in outside(stages, tracked).items():
        for reader in readers:
            changed = [
                c["changed deps"] for c in changes.get(reader, ()) if isinstance(c, dict) and "changed deps" in c
            ]
            if any(_same(path, dep) and what != "deleted" for deps in changed for dep, what in deps.items()):
                found.setdefault(path, []).append(reader)
    return found


def _same(path: str, told: str) -> bool:
    """Whether DVC, whose paths are relative to its working directory, means `path`."""
    return Path(told) == Path(path) or Path(told).resolve() == Path(path).resolve()


def wanted(stages: Mapping[str, Stage], readers: Iterable[str]) -> list[str]:
    """The readers and the evaluations below them."""
    first = set(readers)
    below = dag.descendants(stages, first)
    return [name for name, stage in stages.items() if name in first or (name in below and stage.metrics)]


@flow(name="new-data", persist_result=False)
def new_data() -> State:
    """Read and evaluate data sets that are new to this clone; `raw:` in params.yaml says where they lie."""
    root, log = Path.cwd(), get_run_logger()
    stages = dag.load(root)
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout
    found = news(stages, tracked.splitlines(), dag.changes(root))
    if not found:
        return Completed(name="NothingNew", message="no data that the pipeline has not read")
    for path, readers in found.items():
        log.info("%s is new to %s", path, ", ".join(readers))
    targets = wanted(stages, {reader for readers in found.values() for reader in readers})
    return cast(State, run_flow(pipeline, parameters={"targets": targets}, return_type="state"))
