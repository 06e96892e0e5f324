"""Prefect's temporary server, for a run without PREFECT_API_URL: it ends with the run, whatever ended that.

As a script, `python -m flows.temporary_server PARENT SERVER`: the guard, which ends process SERVER with its parent.

Decisions: Prefect starts the server as a child and stops it when the interpreter ends; a killed interpreter says no
word, and the server would stay for ever. A process beside it looks twice a second, since Prefect starts the server by
itself, with nothing to hook supervise.py into, and lets a thread do so if nobody did before.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from flows import prefect_environment

LOOK = 0.5  # seconds


class NoServerError(OSError):
    """The temporary server does not answer; the message says what to do."""


def start() -> None:
    """Start the server of this process, and its guard. Raises NoServerError."""
    from prefect.server.api.server import SubprocessASGIServer

    server = SubprocessASGIServer()  # the one that every client of this process will find
    try:
        server.start()
    except RuntimeError as error:
        server.stop()
        raise NoServerError(
            f"Prefect's temporary server did not start ({error}): is the machine very busy? The same command again, "
            f"with {prefect_environment.STARTUP}=600 set in the environment, waits longer; "
            "`make serve` keeps a server running"
        ) from error
    process = server.server_process
    if process is not None:
        words = [sys.executable, "-m", "flows.temporary_server", str(os.getpid()), str(process.pid)]
        nowhere = subprocess.DEVNULL  # whoever reads what the run says need not wait for the guard
        subprocess.Popen(
            words, cwd=prefect_environment.ROOT, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True
        )


def born(pid: int) -> str | None:
    """When a process started, by the kernel's clock: numbers come again. None: there is no such process."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return None


def guard(parent: int, server: int) -> None:
    """Wait until the parent is gone, then end the server: SIGTERM, and SIGKILL where that does not help."""
    age = born(server)
    while os.getppid() == parent:
        time.sleep(LOOK)
    for number in (signal.SIGTERM, signal.SIGKILL):
        if born(server) != age:
            return
        with suppress(ProcessLookupError):
            os.kill(server, number)
        time.sleep(3)


if __name__ == "__main__":
    guard(int(sys.argv[1]), int(sys.argv[2]))
