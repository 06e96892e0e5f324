"""The flow `stage`: one stage of somebody's pipeline run, on a worker's own clone.

Decisions: every run has a worktree of its own, since a worker may have several and each may be another commit or have
other parameters. What the stage reads comes by the lock entries that are handed along, from the shared cache or the
remote; so does its result if any machine has had it. What it wrote goes back before the run ends, and with it its own
lock entry, as an artifact. While it runs its checkpoints go to the remote, so that another machine can go on from them.
"""

from pathlib import Path

from prefect import flow, get_run_logger, runtime
from prefect.artifacts import create_markdown_artifact
from prefect.states import Completed, Failed, State

from flows import artifacts, checkpoints, dag, dvc_lock, remote
from flows.dag import GraphError
from flows.error_messages import message
from flows.overriding import OverrideError
from flows.remote import RemoteError
from flows.stage import StageFailed, execute
from flows.supervise import Group
from flows.workspace import CHECKPOINTS, WorkspaceError, checkpoint_in, open_workspace

ENTRY = "lock"  # the kind of artifact that brings the stage's lock entry back
FENCE = "```"


def entry_text(entry: str) -> str:
    """The artifact's Markdown."""
    return f"{FENCE}yaml\n{entry}\n{FENCE}"


def entry_of(text: str) -> str:
    """The lock entry in the artifact's Markdown."""
    return text.removeprefix(f"{FENCE}yaml\n").removesuffix(f"\n{FENCE}")


def _flow_run_name() -> str:
    given = runtime.flow_run.parameters
    return " ".join([str(given.get("name")), *(given.get("overrides") or ())])


@flow(name="stage", flow_run_name=_flow_run_name, persist_result=False)
def stage(
    name: str,
    rev: str = "HEAD",
    lock: str = "",
    overrides: list[str] | None = None,
    force: bool = False,
    interval: float = checkpoints.INTERVAL,
) -> State:
    """Run or restore one stage in a worktree of the worker's clone.

    Args:
        name: the stage, as dvc.yaml calls it
        rev: the commit to run it at
        lock: entries of dvc.lock of what it reads, as text
        overrides: changes of params.yaml, as `dvc exp run -S` takes them
        force: run it though nothing changed
        interval: seconds between copies of its checkpoints to the remote
    """
    root, log = Path.cwd(), get_run_logger()
    group = Group()
    try:
        entries = dvc_lock.loads(lock)
        with open_workspace(root, overrides=overrides or (), lock=entries, rev=rev) as place:
            wanted = dag.load(place, [name])[name]
            remote.bring_inputs(place, name)
            run = remote.identity(place, name) if force else remote.recall(place, name)
            storage = remote.storage(place)
            folder = root / CHECKPOINTS
            if storage is not None and run is not None:
                folder = folder / f"run-{run[:20]}"  # another run's checkpoints are not this one's to send
                checkpoint_in(place, folder)
            progress = artifacts.Progress(wanted)

            def hear(line: str) -> None:
                log.info(line)
                progress.read(line)

            with checkpoints.mirrored(storage, run, folder, interval=interval):
                status = execute(place, wanted, force=force, on_line=hear, group=group)
                remote.push(place, name)  # before the checkpoints go, should this machine die now
            artifacts.publish(place, wanted, log)
            text = entry_text(dvc_lock.dumps(dvc_lock.read(place, [name])))
            create_markdown_artifact(
                text, key=artifacts.key(ENTRY, wanted), description=f"dvc.lock's entry of `{name}`"
            )
    except StageFailed as failure:
        return Failed(name="TimedOut" if failure.late else "Failed", message=str(failure))
    except (RemoteError, GraphError, OverrideError, WorkspaceError, dvc_lock.LockError, OSError) as error:
        return Failed(message=message(error))
    except BaseException:  # a cancelled run
        group.stop()
        raise
    if status == "ran":
        return Completed(message="DVC ran it")
    return Completed(name="Cached", message="DVC restored what an earlier run wrote, here or on another machine")
