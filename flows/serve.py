"""`make serve`: Prefect's server, its pools and deployments, and this machine's workers, in one command on loopback.
`make worker`: the workers alone, for the server that PREFECT_API_URL names.

Decisions: everything started here is supervised and ends with this process, workers first, so that they can still tell
the server what became of their runs. A worker of pool `gpu` takes as many runs at once as there are GPUs, since what
waits for one here could have one elsewhere; one of pool `cpu` takes any number, since runs that wait for others run
there. A run whose machine fell silent is marked Crashed by an automation of Prefect's own.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from pathlib import Path

from flows import gpu, prefect_environment, supervise
from flows.error_messages import one_line_errors

POOLS = ("gpu", "cpu")
PATIENCE = 90.0  # seconds for the server to answer, on a busy machine
SILENT = 100  # seconds: three heartbeats
GRACE = 20.0

Processes = list[tuple[str, subprocess.Popen[bytes]]]


class ServeError(OSError):
    """What cannot be served; the message says why and what to do."""


@contextmanager
def together() -> Iterator[Processes]:
    """A list of processes that end with the block, the last started first."""
    processes: Processes = []
    try:
        yield processes
    finally:
        for _, process in reversed(processes):
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE + 5)


def start(words: Sequence[str], environment: Mapping[str, str], log: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a command of Prefect's under supervision, in a session of its own: Ctrl-C is for this process.

    What it says goes to this process's output, or to the file `log`.
    """
    watched = [sys.executable, supervise.__file__, str(os.getpid()), str(GRACE), sys.executable, "-m", "prefect"]
    with log.open("w") if log else nullcontext() as file:
        return subprocess.Popen(
            [*watched, *words],
            cwd=prefect_environment.ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT if file else None,
            start_new_session=True,
        )


def healthy(url: str) -> bool:
    """Whether a server answers at the API's address."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def start_server(host: str, port: int, environment: Mapping[str, str], processes: Processes) -> None:
    """Start the server and wait until it answers. Raises ServeError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServeError(
                f"{host}:{port}: {error.strerror}. Another server? Then `make worker` with its PREFECT_API_URL adds "
                "this machine to it; or take another port: `make serve PORT=4201`"
            ) from None
    words = ["server", "start", "--host", host, "--port", str(port), "--log-level", "WARNING"]
    log = Path(environment["PREFECT_HOME"]) / "server.log"
    process = start(words, environment, log)
    processes.append(("the server", process))
    end = time.monotonic() + PATIENCE
    while not healthy(environment["PREFECT_API_URL"]):
        if process.poll() is not None:
            raise ServeError(f"the server ended with status {process.returncode}; {log} says why")
        if time.monotonic() > end:
            raise ServeError(f"the server did not answer within {PATIENCE:g} s; see {log}")
        time.sleep(0.2)


def register(environment: Mapping[str, str], silent: float = SILENT) -> None:
    """Tell the server of the pools, the deployments of prefect.yaml, and when a run's machine counts as dead."""
    from prefect.automations import Automation
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import EventTrigger, Posture
    from prefect.exceptions import ObjectAlreadyExists
    from prefect.workers.process import ProcessWorker

    template = ProcessWorker.get_default_base_job_template()
    with get_client(sync_client=True) as client:
        for name in POOLS:
            with suppress(ObjectAlreadyExists):
                client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=template))
        title = "A run whose machine fell silent is Crashed"
        if not client.read_automations_by_name(title):
            trigger = EventTrigger(
                after={"prefect.flow-run.heartbeat"},
                expect={"prefect.flow-run.*"},
                match={"prefect.resource.id": "prefect.flow-run.*"},  # pyrefly: ignore
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=timedelta(seconds=silent),
            )
            told = "nothing was heard of its process or machine any more"
            action = ChangeFlowRunState(name=None, state=StateType.CRASHED, message=told)
            Automation(name=title, trigger=trigger, actions=[action]).create()
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        cwd=prefect_environment.ROOT,
        # what is set here is put into the pull step for all workers; theirs is each one's own
        env={name: value for name, value in environment.items() if name != prefect_environment.CLONE},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ServeError(f"prefect.yaml could not be registered:\n{done.stdout}{done.stderr}")


def start_workers(pools: Sequence[str], environment: Mapping[str, str], processes: Processes) -> None:
    """Start this machine's worker of each pool."""
    place = f"{socket.gethostname()}{str(prefect_environment.ROOT).replace('/', '-')}"
    for pool in pools:
        limit = ["--limit", str(len(gpu.devices()) or 1)] if pool == "gpu" else []
        words = ["worker", "start", "--type", "process", "--pool", pool, "--name", f"{place}-{pool}", *limit]
        processes.append((f"the worker of pool {pool}", start(words, environment)))


def open_door(url: str) -> None:
    """Show the UI in a browser where there is a screen."""
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def wait(processes: Processes) -> int:
    """Wait until one of the processes ends, which none should."""
    while True:
        for what, process in processes:
            if process.poll() is not None:
                sys.stderr.write(f"{what} ended with status {process.returncode}; so everything ends\n")
                return 1
        time.sleep(0.5)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", action="store_true", help="this machine's workers alone")
    parser.add_argument("--host", default="127.0.0.1", help="where the server listens; loopback: nobody else can")
    parser.add_argument("--port", type=int, default=4200)
    parser.add_argument("--pools", nargs="*", default=list(POOLS), choices=POOLS, help="that this machine works for")
    parser.add_argument(
        "--silent", type=float, default=SILENT, help="seconds after which a silent run's machine is lost"
    )
    given = parser.parse_args(arguments)
    if not given.worker:
        os.environ["PREFECT_API_URL"] = f"http://{given.host}:{given.port}/api"
    elif not os.environ.get("PREFECT_API_URL"):
        parser.error("for which server? Set PREFECT_API_URL, which `make serve` prints there")
    signal_as_interrupt()
    with one_line_errors("flows.serve"):
        return serve(given)


def serve(given: argparse.Namespace) -> int:
    """Start what the command line says, and wait; the exit status."""
    prefect_environment.settle()
    environment, url = dict(os.environ), os.environ["PREFECT_API_URL"]
    with together() as processes:
        try:
            if not given.worker:
                start_server(given.host, given.port, environment, processes)
                register(environment, given.silent)
            elif not healthy(url):
                raise ServeError(f"no server answers at PREFECT_API_URL={url}; its machine must be reachable from here")
            start_workers(given.pools, environment, processes)
            page = url.removesuffix("/api")
            sys.stdout.write(f"\nPrefect is at {page} (export PREFECT_API_URL={url}); Ctrl-C ends it\n\n")
            sys.stdout.flush()
            if not given.worker:
                open_door(page)
            return wait(processes)
        except KeyboardInterrupt:
            sys.stderr.write("\nending the workers" + ("\n" if given.worker else ", then the server\n"))
            return 0


def signal_as_interrupt() -> None:
    """Let SIGTERM end this as Ctrl-C does, and both even where a shell started it in the background."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


if __name__ == "__main__":
    sys.exit(main())
