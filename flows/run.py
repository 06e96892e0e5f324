"""Run the pipeline from a terminal: `python -m flows.run report -S train_san.epochs=20`.

It runs here, in this clone, as `dvc repro` does, with Prefect's parallel stages, retries and records; with
PREFECT_API_URL the records go to that server, else to a temporary one whose state stays in runs/prefect. `--workers`
sends every stage to the server's workers instead. Ctrl-C, or SIGTERM, ends all of it.
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from flows import prefect_environment, temporary_server
from flows.error_messages import one_line_errors
from flows.serve import signal_as_interrupt
from flows.supervise import GRACE

if TYPE_CHECKING:
    from prefect.states import State

PATIENCE = 10.0  # seconds
STOPPED = "stopped; the same command goes on where this one was"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and say how it ended; 0 when everything is up to date."""
    parser = argparse.ArgumentParser(prog="python -m flows.run", description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", help="stages of dvc.yaml, as `dvc repro` takes them; none: everything")
    parser.add_argument("-S", "--set", action="append", default=[], metavar="KEY=VALUE", help="change a parameter")
    parser.add_argument("-f", "--force", action="store_true", help="run what is unchanged, too")
    parser.add_argument("--pull", action="store_true", help="fetch from DVC's remote what was run elsewhere")
    parser.add_argument("--workers", action="store_true", help="send every stage to the workers of PREFECT_API_URL")
    given = parser.parse_args(arguments)
    if given.workers and not os.environ.get("PREFECT_API_URL"):
        parser.error("--workers: which server's? Set PREFECT_API_URL, which `make serve` prints")
    end_in_time()
    with one_line_errors("flows.run"):
        return carry_out(given)


def carry_out(given: argparse.Namespace) -> int:
    """Run what the command line says; the exit status."""
    prefect_environment.settle()

    from prefect.flow_engine import run_flow

    from flows.pipeline import pipeline

    wanted = {
        "targets": given.targets or None,
        "overrides": given.set or None,
        "force": given.force,
        "pull": given.pull,
        "workers": given.workers,
    }
    try:
        if not os.environ.get("PREFECT_API_URL"):
            temporary_server.start()
        state = cast("State", run_flow(pipeline, parameters=wanted, return_type="state"))
    except KeyboardInterrupt:
        sys.exit(STOPPED)
    if not os.environ.get("PREFECT_API_URL"):
        wait_for_records(state)
    sys.stdout.write(f"{state.name}: {state.message}\n")
    return 0 if state.is_completed() else 1


def end_in_time() -> None:
    """Let SIGINT and SIGTERM end this process within GRACE and some seconds, whatever its handlers come to.

    Prefect puts a handler of its own in place, and asks a server that the same signal has ended for minutes.
    """
    signal_as_interrupt()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)  # hears of signals beside all handlers

    def watch() -> None:
        while (number := os.read(reader, 1)[0]) not in (signal.SIGINT, signal.SIGTERM):
            pass
        time.sleep(GRACE + 3)
        sys.stderr.write(f"{STOPPED}\n")
        sys.stderr.flush()
        os._exit(128 + number)  # what is left of the stages ends with it (supervise)

    threading.Thread(target=watch, name="end in time", daemon=True).start()


def wait_for_records(state: "State") -> None:
    """Give the temporary server, which ends with this process, the moment in which it writes down the tasks' ends."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    run = state.state_details.flow_run_id
    if run is None:
        return
    wanted = FlowRunFilter(id=FlowRunFilterId(any_=[run]))
    end = time.monotonic() + PATIENCE
    with get_client(sync_client=True) as client:
        while time.monotonic() < end:
            tasks = client.read_task_runs(flow_run_filter=wanted)
            if all(task.state is not None and task.state.is_final() for task in tasks):
                return
            time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
