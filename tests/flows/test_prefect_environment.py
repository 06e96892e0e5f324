"""Prefect's environment: quiet, its state in the clone, what the user set kept."""

import os
import sys
from pathlib import Path

from flows import prefect_environment


def test_nothing_reports_home_and_the_state_lies_in_the_clone(monkeypatch, tmp_path):
    for name in ("PREFECT_HOME", "DO_NOT_TRACK", "PREFECT_SERVER_ANALYTICS_ENABLED"):
        monkeypatch.delenv(name, raising=False)
    found = prefect_environment.environment(tmp_path)
    assert found["PREFECT_HOME"] == str(tmp_path / "runs/prefect")
    assert (found["DO_NOT_TRACK"], found["PREFECT_SERVER_ANALYTICS_ENABLED"], found["DVC_NO_ANALYTICS"]) == (
        "1",
        "false",
        "1",
    )
    assert found[prefect_environment.CLONE] == str(tmp_path)
    assert found["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert "PREFECT_API_URL" not in found or found["PREFECT_API_URL"] == os.environ["PREFECT_API_URL"]


def test_what_the_user_set_stays(monkeypatch, tmp_path):
    monkeypatch.setenv("PREFECT_HOME", "/elsewhere")
    monkeypatch.setenv("PREFECT_WORKER_QUERY_SECONDS", "60")
    found = prefect_environment.environment(tmp_path)
    assert (found["PREFECT_HOME"], found["PREFECT_WORKER_QUERY_SECONDS"]) == ("/elsewhere", "60")


def test_a_busy_machine_has_time_to_start_the_temporary_server(monkeypatch, tmp_path):
    monkeypatch.delenv(prefect_environment.STARTUP, raising=False)
    assert int(prefect_environment.environment(tmp_path)[prefect_environment.STARTUP]) > 60  # Prefect's own is 20
    monkeypatch.setenv(prefect_environment.STARTUP, "7")
    assert prefect_environment.environment(tmp_path)[prefect_environment.STARTUP] == "7"
