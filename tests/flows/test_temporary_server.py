"""Prefect's temporary server: one line where it does not come, and it never outlives the run."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from flows import prefect_environment, temporary_server
from tests.processes import alive, below, wait_for

ROOT = Path(__file__).resolve().parents[2]


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    return ours | {"PREFECT_HOME": str(tmp_path / "prefect"), "PYTHONPATH": str(ROOT), **more}


@pytest.mark.slow
def test_a_server_that_does_not_come_in_time_is_one_line(make, tmp_path):
    root = make("stages: {one: {cmd: mkdir -p out && echo 1 > out/one, outs: [out/one]}}")
    words = [sys.executable, "-m", "flows.run"]
    given = environment(tmp_path, **{prefect_environment.STARTUP: "0"})
    done = subprocess.run(words, cwd=root, env=given, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("flows.run: Prefect's temporary server did not start")
    assert f"{prefect_environment.STARTUP}=600" in last


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "everybody"), [(signal.SIGKILL, False), (signal.SIGTERM, False), (signal.SIGTERM, True)]
)
def test_nothing_of_a_killed_run_stays(make, tmp_path, number, everybody):
    root = make("stages: {slow: {cmd: echo > began && sleep 100, outs: [out/slow]}}", {".gitignore": "/out/\n/began\n"})
    with (tmp_path / "log").open("w") as log:
        run = subprocess.Popen(
            [sys.executable, "-m", "flows.run"], cwd=root, env=environment(tmp_path), stdout=log, stderr=log
        )
    wait_for(lambda: (root / "began").exists() or run.poll() is not None, 120)
    assert run.poll() is None, (tmp_path / "log").read_text()
    started = below(run.pid)
    assert len(started) > 3  # the server, its guard, a supervisor, DVC, the stage
    for pid in started if everybody else ():  # the server too, whom the run then asks in vain
        with suppress(ProcessLookupError):  # one of the short-lived may be gone by now
            os.kill(pid, number)
    run.send_signal(number)
    run.wait(25)
    wait_for(lambda: not [pid for pid in started if alive(pid)], 20)


def test_the_guard_ends_the_server_of_a_parent_that_is_gone_and_nothing_else(tmp_path):
    server = subprocess.Popen(["sleep", "100"])
    words = "[sys.executable, '-m', 'flows.temporary_server', str(os.getpid()), sys.argv[1]]"
    body = f"import os, subprocess, sys; subprocess.Popen({words})"
    subprocess.run([sys.executable, "-c", body, str(server.pid)], env=environment(tmp_path), check=True)
    assert server.wait(20) == -signal.SIGTERM
    assert temporary_server.born(server.pid) is None
