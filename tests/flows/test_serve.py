"""`make serve`: pools, deployments, workers and schedules; a cancelled run; and the end of all of it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.states import Cancelling

from flows import dvc_lock, serve
from tests import processes
from tests.flows.conftest import ask, ended, joined
from tests.processes import alive, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("gpu_worker")]


def test_what_is_registered(prefect):
    with get_client(sync_client=True) as client:
        pools = {pool.name: pool.type for pool in client.read_work_pools()}
        flows = {flow.id: flow.name for flow in client.read_flows()}
        found = {
            f"{flows[deployment.flow_id]}/{deployment.name}": deployment for deployment in client.read_deployments()
        }
        assert client.read_automations_by_name("A run whose machine fell silent is Crashed")
    assert pools == {"gpu": "process", "cpu": "process"}
    assert {name: deployment.work_pool_name for name, deployment in found.items()} == {
        "pipeline/pipeline": "gpu",
        "pipeline/spread": "cpu",
        "pipeline/nightly": "gpu",
        "new-data/new-data": "gpu",
        "stage/gpu": "gpu",
        "stage/cpu": "cpu",
        "whoami/gpu": "gpu",
        "whoami/cpu": "cpu",
    }
    crons = {name: [s.schedule.cron for s in deployment.schedules] for name, deployment in found.items()}
    assert {name: cron for name, cron in crons.items() if cron} == {
        "pipeline/nightly": ["0 2 * * *"],
        "new-data/new-data": ["*/15 * * * *"],
    }


def test_both_pools_answer_and_a_pipeline_runs_in_the_workers_clone(prefect):
    runs = [
        ask("whoami/gpu"),
        ask("whoami/cpu"),
        ask("pipeline/pipeline", parameters={"targets": ["quick"], "force": True}),
    ]
    assert [ended(run.id).state.name for run in runs] == ["Completed"] * 3
    assert (prefect.clone / "out/quick").read_text() == "data\n"
    with get_client(sync_client=True) as client:
        wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[runs[0].id]))
        (told,) = client.read_artifacts(artifact_filter=wanted)
    assert str(prefect.clone) in told.data
    assert "none: stages run on the CPU" in told.data
    again = ended(ask("pipeline/nightly", parameters={"targets": ["quick"]}).id)
    assert again.state.name == "Cached"


def test_a_spread_run_sends_each_stage_to_the_workers(prefect):
    shutil.rmtree(prefect.clone / "out", ignore_errors=True)
    (prefect.clone / "dvc.lock").unlink(missing_ok=True)
    (prefect.clone / "source.txt").write_text("data\n")
    given = {"targets": ["next"], "workers": True, "pull": True, "force": True}
    run = ended(ask("pipeline/spread", parameters=given).id)
    assert run.state.message == "2 stages: 2 ran, 0 cached"
    assert (prefect.clone / "out/next").read_text() == "data\ndata\n"
    assert {"quick", "next"} <= set(dvc_lock.read(prefect.clone))


def test_a_spread_run_in_the_pool_that_it_waits_for_is_refused(prefect):
    run = ended(ask("pipeline/pipeline", parameters={"targets": ["next"], "workers": True}).id)
    assert run.state.is_failed()
    assert "pipeline/spread" in run.state.message


def test_a_cancelled_run_leaves_no_process(prefect):
    file = prefect.clone / "pid"
    file.unlink(missing_ok=True)
    run = ask("pipeline/pipeline", parameters={"targets": ["slow"]})
    wait_for(lambda: file.is_file() and file.read_text().strip(), 60)
    pid = int(file.read_text())
    assert alive(pid)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, Cancelling())
    assert ended(run.id).state.is_cancelled()
    wait_for(lambda: not alive(pid))


def test_a_cancelled_spread_run_cancels_what_it_sent(prefect):
    for file in prefect.clone.glob(".dvc/tmp/workspaces/*/pid"):
        file.unlink()
    run = ask("pipeline/spread", parameters={"targets": ["slow"], "workers": True})

    def begun() -> list[int]:
        texts = [file.read_text().strip() for file in prefect.clone.glob(".dvc/tmp/workspaces/*/pid")]
        return [int(text) for text in texts if text]

    wait_for(begun, 90, every=0.2)
    (pid,) = begun()
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, Cancelling())
    assert ended(run.id).state.is_cancelled()
    wait_for(lambda: not alive(pid), 40)
    assert not begun()  # the workspace is gone, too


def test_no_new_data_is_nothing_to_do(prefect):
    assert ended(ask("new-data/new-data").id).state.name == "NothingNew"


def test_a_taken_port_is_said_with_what_to_do(prefect):
    port = prefect.url.split(":")[2].split("/")[0]
    words = [sys.executable, "-m", "flows.serve", "--port", port]
    done = subprocess.run(words, cwd=prefect.clone, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Address already in use" in done.stderr
    assert "make worker" in done.stderr


def test_a_worker_needs_a_server(prefect, monkeypatch, capsys):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(SystemExit):
        serve.main(["--worker"])
    assert "Set PREFECT_API_URL" in capsys.readouterr().err


def test_a_worker_joins_and_leaves_and_takes_all_its_processes_along(prefect, tmp_path):
    clone = Path(shutil.copytree(prefect.clone, tmp_path / "another", ignore=shutil.ignore_patterns("runs", "out")))
    with joined(prefect, clone, "cpu") as worker:
        below = processes.below(worker.pid)
        assert below
    assert worker.returncode == 0
    wait_for(lambda: not any(map(alive, below)))
    assert serve.healthy(prefect.url)
