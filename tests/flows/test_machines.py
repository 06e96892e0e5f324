"""Two machines, each its own clone, one S3 remote: a machine that is lost in the middle of a training."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterName,
    LogFilter,
    LogFilterFlowRunId,
)

from flows import dag, dvc_lock, remote
from flows.artifacts import EPOCH
from tests import processes
from tests.flows.conftest import ask, ended, joined, run
from tests.processes import wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def remoted(server, s3):
    """Give clones one folder of the bucket; the server's own clone has it until the test ends."""
    lines = {
        "url": "s3://bucket/machines",
        "endpointurl": s3,
        "access_key_id": "key",
        "secret_access_key": "secret",
        "region": "us-east-1",
    }
    text = "[core]\n    remote = store\n['remote \"store\"']\n" + "".join(f"    {k} = {v}\n" for k, v in lines.items())

    def attach(root: Path) -> None:
        (root / ".dvc/config.local").write_text(text)

    attach(server.clone)
    yield attach
    (server.clone / ".dvc/config.local").unlink()


def epochs(client, number) -> list[int]:
    """The epochs that a run of the training did, by its log."""
    wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[number]))
    found = [EPOCH.search(entry.message) for entry in client.read_logs(log_filter=wanted, limit=200)]
    return sorted(int(match[1]) for match in found if match)


def test_a_training_whose_machine_is_lost_goes_on_elsewhere_to_the_same_end(prefect, remoted, tmp_path):
    shutil.rmtree(prefect.clone / "out", ignore_errors=True)
    (prefect.clone / "dvc.lock").unlink(missing_ok=True)
    clones = [tmp_path / name for name in ("two", "three")]
    for clone in clones:
        run(tmp_path, "git", "clone", "-q", str(prefect.clone), str(clone))
        remoted(clone)
    with ExitStack() as stack, get_client(sync_client=True) as client:
        workers = [stack.enter_context(joined(prefect, clone, "gpu")) for clone in clones]
        spread = ask("pipeline/spread", parameters={"targets": ["train"], "workers": True, "pull": True})
        storage = remote.storage(prefect.clone)
        assert storage
        place = storage.fs.join(storage.path, "checkpoints")

        def sent() -> list[str]:
            storage.fs.fs.invalidate_cache()
            found = storage.fs.find(place) if storage.fs.exists(place) else []
            return [path for path in found if path.endswith(".tar")]

        # the second copy: the first may be of the moment before the first epoch's end
        wait_for(lambda: any(int(Path(path).name[:8]) > 1 for path in sent()), 90, every=0.3)
        (busy,) = [k for k, clone in enumerate(clones) if list(clone.glob(".checkpoints/run-*"))]
        for pid in [workers[busy].pid, *processes.below(workers[busy].pid)]:
            with suppress(ProcessLookupError):  # gone with the one before
                os.kill(pid, signal.SIGKILL)
        assert ended(spread.id, 180).state.message == "2 stages: 2 ran, 0 cached"
        stages = FlowFilter(name=FlowFilterName(any_=["stage"]))
        wanted = FlowRunFilter(name=FlowRunFilterName(any_=["train"]))
        runs = client.read_flow_runs(flow_filter=stages, flow_run_filter=wanted)
        runs.sort(key=lambda each: each.created)
        assert [each.state.name for each in runs] == ["Crashed", "Completed"]
        found = runs[-1]
        wait_for(lambda: epochs(client, found.id)[-1:] == [40], 30, every=0.5)  # log lines come in batches
        assert epochs(client, found.id)[0] > 1  # it went on from the checkpoint
        assert not sent()  # done with
    subprocess.run([sys.executable, prefect.clone / "train.py", "alone", "seed", "40", "0"], cwd=tmp_path, check=True)
    for name in ("weights", "history.csv"):
        assert (prefect.clone / "out/model" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
    assert dag.changes(prefect.clone, ["quick", "train"]) == {}
    assert set(dvc_lock.read(prefect.clone)) == {"quick", "train"}
