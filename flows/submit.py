"""Submit stages to workers: each as a run of the deployment `stage` in the pool that its `meta` asks for.

Decisions: with a stage go the commit, the overrides and the lock entries of what it reads from (and of no more: a
server refuses parameters over 512 kB); what comes back is its own entry, which is put into the pipeline's dvc.lock
before any stage below it is sent. So the order of runs and dvc.lock are all that the coordinating machine needs, and no
commit is made. A run that Prefect calls Crashed has lost its machine; another is sent for it, whichever stage it is,
since that is no fault of the stage. What is killed with its machine reports nothing: then the server marks the worker
offline (three heartbeats missed, so after 90 to 105 s; PREFECT_WORKER_HEARTBEAT_SECONDS makes that shorter), and its
runs, which name it by a label, are called Crashed here. Where a worker of that name is back before, only the runs' own
heartbeats tell, see `serve`.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import get_run_logger, runtime
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
    WorkerFilter,
    WorkerFilterStatus,
)
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.states import Cancelling, Crashed, State

from flows import artifacts, dvc_lock, worker
from flows.dag import Stage
from flows.stage import StageFailed
from flows.stage_status import StageStatus
from flows.supervise import Group, Stopped
from flows.workspace import WorkspaceError, changed, find

LOSSES = 2  # machines that one stage may lose
POLL = 1.0  # seconds between looks at a run


class Submitter:
    """Submits the stages of one pipeline run; `root` is its clone or workspace, whose dvc.lock grows."""

    def __init__(self, root: Path, *, overrides: Sequence[str], force: bool, group: Group) -> None:
        self._root, self._group = root, group
        self._given = {"rev": find(root, "HEAD"), "overrides": list(overrides), "force": force}

    def execute(self, stage: Stage) -> StageStatus:
        """Have a worker bring the stage up to date. Raises StageFailed, and Stopped when the group was stopped."""
        log = get_run_logger()
        for left in reversed(range(LOSSES + 1)):
            with get_client(sync_client=True) as client:
                state = self._send(stage, client)
            if not state.is_crashed():
                break
            log.warning("its machine was lost (%s); %s", state.message, "once more" if left else "no more attempts")
        if not state.is_completed():
            late = state.name == "TimedOut"
            raise StageFailed(f"{stage.name}: the worker's run is {state.name}:", [state.message or ""], late)
        return "restored" if state.name == "Cached" else "ran"

    def _send(self, stage: Stage, client: SyncPrefectClient) -> State:
        """One run on a worker, to its end."""
        own = dvc_lock.read(self._root, [stage.name])
        above = dvc_lock.outputs(
            dvc_lock.read(self._root, stage.upstream)
        )  # all of it would be too much for the server
        given = self._given | {"name": stage.name, "lock": dvc_lock.dumps({**above, **own})}
        run: Any = run_deployment(f"stage/{pool(stage)}", parameters=given, timeout=0)
        self._tell_who_waits(stage, client)
        while not (state := (now := client.read_flow_run(run.id)).state) or not state.is_final():
            if self._group.stopped:
                client.set_flow_run_state(run.id, Cancelling())
                raise Stopped
            if silent := lost(now, stage, client):
                state = Crashed(message=f"worker {silent} fell silent")
                client.set_flow_run_state(run.id, state, force=True)
                break
            time.sleep(POLL)
        if state.is_completed():
            self._take_entry(run.id, stage, client)
        return state

    def _take_entry(self, run: UUID, stage: Stage, client: SyncPrefectClient) -> None:
        """Put the lock entry that the run brings back into dvc.lock. Raises StageFailed where it brings none."""
        wanted = ArtifactFilter(
            flow_run_id=ArtifactFilterFlowRunId(any_=[run]),
            key=ArtifactFilterKey(any_=[artifacts.key(worker.ENTRY, stage)]),
        )
        found = client.read_artifacts(artifact_filter=wanted)
        if not found:
            raise StageFailed(f"{stage.name}: the worker's run is done, but brought no entry of dvc.lock back", [])
        dvc_lock.merge(self._root, dvc_lock.loads(worker.entry_of(str(found[-1].data))))

    def _tell_who_waits(self, stage: Stage, client: SyncPrefectClient) -> None:
        """Warn where no worker of the pool is online."""
        online = WorkerFilter(status=WorkerFilterStatus(any_=["ONLINE"]))  # pyrefly: ignore
        if not client.read_workers_for_work_pool(pool(stage), worker_filter=online):
            get_run_logger().warning("no worker of pool %s is there: `make worker` adds one", pool(stage))


def lost(run: FlowRun, stage: Stage, client: SyncPrefectClient) -> str | None:
    """The name of the worker that took the run, if the server hears no more of it."""
    name = (run.labels or {}).get("prefect.worker.name")
    if name is None:
        return None
    offline = WorkerFilter(status=WorkerFilterStatus(any_=["OFFLINE"]))  # pyrefly: ignore
    found = client.read_workers_for_work_pool(pool(stage), worker_filter=offline)
    return str(name) if name in [worker.name for worker in found] else None


def pool(stage: Stage) -> str:
    """The pool whose workers can run the stage."""
    return "gpu" if stage.gpus else "cpu"


def check(root: Path) -> None:
    """Raise WorkspaceError for edits that no worker would see, and for a run that would wait for its own slot."""
    if edits := changed(root):
        raise WorkspaceError(
            f"{root}: not committed, so no worker would see it: {', '.join(edits)}. "
            "Commit and push, or give parameters as overrides"
        )
    mine = runtime.flow_run.id
    if mine is None:
        return
    with get_client(sync_client=True) as client:
        if client.read_flow_run(UUID(mine)).work_pool_name == "gpu":
            raise WorkspaceError(
                "this run holds a place in pool gpu that its own stages would wait for; start the deployment "
                "pipeline/spread, which is in pool cpu, or `python -m flows.run --workers`"
            )
