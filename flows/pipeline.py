"""The pipeline as a Prefect flow: one task a stage, upstream first, independent ones in parallel.

Decisions: the graph is DVC's, read when the flow starts, and DVC decides what is cached: what it says is unchanged, and
everything upstream of it too, is Cached without another question. A task is submitted when its upstream is done and
there is room for it, not before, so that what waits holds neither thread nor process: as many GPUs as the host has,
and as many other stages as it has cores. What failed is returned as a state, since a traceback of this file tells
nobody anything. Whatever ends the flow ends its stages.
"""

import fcntl
import queue
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import flow, get_run_logger, runtime, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.settings import get_current_settings
from prefect.states import Cancelled, Completed, Failed, State
from prefect.utilities.annotations import allow_failure, quote

from flows import artifacts, dag, dvc_lock, remote, submit
from flows.capacity import Capacity
from flows.dag import GraphError, Stage
from flows.error_messages import message
from flows.overriding import OverrideError
from flows.remote import RemoteError
from flows.stage import StageFailed, execute
from flows.stage_status import StageStatus
from flows.submit import Submitter
from flows.supervise import Group
from flows.workspace import WorkspaceError, open_workspace

RETRY_AFTER = 5  # seconds
CACHED: Mapping[StageStatus, str] = {
    "restored": "DVC restored what an earlier run wrote",
    "unchanged": "DVC found nothing changed",
}


@dataclass
class Run:
    """What the stages of one run share.

    With `workers` they are sent there. `unchanged` are the stages of which DVC says so before anything runs, `awaited`
    those of them that a worker will read from; `shown` are the artifacts that are on the server.
    """

    root: Path
    force: bool = False
    pull: bool = False
    workers: Submitter | None = None
    unchanged: set[str] = field(default_factory=set)
    awaited: set[str] = field(default_factory=set)
    shown: Mapping[str, UUID] = field(default_factory=dict)
    group: Group = field(default_factory=Group)

    def bring(self, stage: Stage, broken: Sequence[str]) -> State:
        """Bring one stage up to date and show its results, unless what it reads is `broken`; its task's last state."""
        log = get_run_logger()
        if broken:
            return Cancelled(name="NotRun", message=f"it reads what is not there: {', '.join(broken)}")
        try:
            status = self.execute(stage)
        except (RemoteError, dvc_lock.LockError, OSError) as failure:
            return Failed(message=message(failure))
        except StageFailed as failure:
            return Failed(name="TimedOut" if failure.late else "Failed", message=str(failure))
        if self.workers is None or status == "unchanged":  # a worker has shown what it made
            artifacts.publish(self.root, stage, log, self.shown if status == "unchanged" else ())
        if status == "ran":
            return Completed(message="DVC ran it")
        log.info(CACHED[status])
        return Completed(name="Cached", message=CACHED[status])

    def execute(self, stage: Stage) -> StageStatus:
        """Run or restore the stage here, unless that is known to be needless."""
        if stage.name in self.unchanged:
            if stage.name in self.awaited:
                remote.push(self.root, stage.name)
            return "unchanged"
        if self.workers is not None:
            return self.workers.execute(stage)
        log, progress = get_run_logger(), artifacts.Progress(stage)

        def hear(line: str) -> None:
            log.info(line)
            progress.read(line)

        return execute(self.root, stage, force=self.force, pull=self.pull, on_line=hear, group=self.group)


def _flow_run_name() -> str:
    """What the run brings up to date, and with which parameters, for the list of runs."""
    given = runtime.flow_run.parameters
    what = ", ".join(given.get("targets") or ["everything"])
    return " ".join([what, *(given.get("overrides") or ())])


@flow(name="pipeline", flow_run_name=_flow_run_name, persist_result=False)
def pipeline(
    targets: list[str] | None = None,
    overrides: list[str] | None = None,
    force: bool = False,
    pull: bool = False,
    workers: bool = False,
) -> State:
    """Bring the targets and what they need up to date in the clone that is the working directory.

    Args:
        targets: stages, members of a matrix or whole matrices, as `dvc repro` takes them; none: everything
        overrides: changes of params.yaml, as `dvc exp run -S` takes them, in a workspace of their own
        force: run what is unchanged, too
        pull: fetch from DVC's remote what was run elsewhere
        workers: send every stage to the workers of its pool instead of running it here

    Its state is Completed, or Cached where nothing had to run, or Failed; its result the names of the stages' states.
    """
    try:
        if workers:
            submit.check(Path.cwd())
        with _workspace(Path.cwd(), overrides or []) as root:
            with dag.held(root):
                stages = dag.load(root, targets)
                if overrides and not workers:  # a workspace; a worker brings what its stage reads
                    remote.bring_data(root, stages)
                changed = set(stages) if force else set(dag.changes(root, stages))
            run = Run(root, force=force, pull=pull, unchanged=set(stages) - changed - dag.descendants(stages, changed))
            run.shown = artifacts.known() if run.unchanged else {}
            if workers:
                run.workers = Submitter(root, overrides=overrides or [], force=force, group=run.group)
                sent = [stage for stage in stages.values() if stage.name not in run.unchanged]
                run.awaited = {name for stage in sent for name in stage.upstream}
            try:
                states, seconds = _schedule(stages, run)
            except BaseException:  # a cancelled run, Ctrl-C
                run.group.stop()
                raise
            if workers and pull:
                remote.bring_outputs(root, [name for name, state in states.items() if state.is_completed()])
            return _outcome(stages, states, seconds)
    except (GraphError, OverrideError, RemoteError, WorkspaceError, dvc_lock.LockError, OSError) as error:
        return Failed(message=message(error))


@contextmanager
def _workspace(root: Path, overrides: list[str]) -> Iterator[Path]:
    """Where the stages run: here, or with other parameters in a worktree of its own, of the last commit."""
    if overrides:
        with open_workspace(root, overrides=overrides, lock=dvc_lock.read(root)) as place:
            yield place
    else:
        with _alone(root):
            yield root


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Wait until no other run uses the clone: two that come to one stage would end in DVC's error."""
    place = root / ".dvc" / "tmp"
    place.mkdir(parents=True, exist_ok=True)
    with (place / "pipeline.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            get_run_logger().info("waiting for another run in %s", root)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _schedule(stages: Mapping[str, Stage], run: Run) -> tuple[dict[str, State], dict[str, float]]:
    """Submit each stage's task in its time; the states in which they ended, and their seconds."""
    waiting = dict(stages)
    futures: dict[str, PrefectFuture] = {}
    states: dict[str, State] = {}
    seconds: dict[str, float] = {}
    ended: queue.SimpleQueue[str] = queue.SimpleQueue()
    capacity = Capacity()
    while len(states) < len(stages):
        for stage in list(waiting.values()):
            broken = [u for u in stage.upstream if u in states and not states[u].is_completed()]
            known = bool(broken) or stage.name in run.unchanged or run.workers is not None  # no work here, so no room
            if states.keys() >= set(stage.upstream) and (known or capacity.take(stage)):
                del waiting[stage.name]
                seconds[stage.name] = -time.monotonic()
                above = [futures[u] for u in stage.upstream if not states[u].is_cancelled()]  # Prefect awaits no such
                futures[stage.name] = _submit(stage, run, above, broken)
                futures[stage.name].add_done_callback(lambda _, name=stage.name: ended.put(name))
        name = ended.get()
        futures[name].wait()
        states[name] = futures[name].state
        seconds[name] += time.monotonic()
        capacity.give_back(stages[name])
    return states, seconds


def _submit(stage: Stage, run: Run, upstream: list[PrefectFuture], broken: Sequence[str]) -> PrefectFuture:
    """Start the stage's task, which is named after the stage and drawn below those of its upstream."""
    title = f"{stage.name}: {stage.desc}" if stage.desc else stage.name
    named: Any = task(
        name=stage.name,
        description=stage.desc,
        task_run_name=lambda: title,
        retries=stage.retries,
        retry_delay_seconds=RETRY_AFTER,
        cache_policy=NO_CACHE,
        persist_result=False,
    )(run.bring)
    return named.submit(quote(stage), quote(broken), wait_for=[allow_failure(future) for future in upstream])


def _outcome(stages: Mapping[str, Stage], states: Mapping[str, State], seconds: Mapping[str, float]) -> State:
    """Show the run's summary; the state that the flow ends in."""
    names = {name: states[name].name or "" for name in stages}
    ui = get_current_settings().ui_url or ""
    table = artifacts.summary(stages, states, seconds, ui, artifacts.known() if ui else {})
    create_markdown_artifact(table, key="summary", description="The stages of this run")
    failed = [name for name in stages if states[name].is_failed() or states[name].is_crashed()]
    missing = [name for name in stages if not states[name].is_completed() and name not in failed]
    if failed or missing:
        rest = f"; not run for it: {', '.join(missing)}" if missing else ""
        return Failed(message=f"{len(failed)} of {len(stages)} stages failed: {', '.join(failed)}{rest}")
    cached = list(names.values()).count("Cached")
    text = f"{len(stages)} stages: {len(stages) - cached} ran, {cached} cached"
    return Completed(name="Cached" if cached == len(stages) else "Completed", message=text, data=names)
