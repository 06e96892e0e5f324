"""A tiny git and DVC repository to run flows on, one-line stages each."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.processes import wait_for
from tools import machines

ENVIRONMENT = {
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "DVC_NO_ANALYTICS": "1",
    "DO_NOT_TRACK": "1",
    "GIT_AUTHOR_NAME": "test",
    "GIT_AUTHOR_EMAIL": "test@example.org",
    "GIT_COMMITTER_NAME": "test",
    "GIT_COMMITTER_EMAIL": "test@example.org",
}

Make = Callable[..., Path]

# before anything imports Prefect, which looks at them then
_home = tempfile.TemporaryDirectory(prefix="prefect-home-")
os.environ.update(PREFECT_HOME=_home.name, DO_NOT_TRACK="1", PREFECT_SERVER_ANALYTICS_ENABLED="false")


@pytest.fixture(autouse=True)
def _environment(monkeypatch, tmp_path):
    """The interpreter's commands first, and GPU locks that are nobody else's; no GPU but where a test pretends one."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GPU_LEASES", str(tmp_path / "leases"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture(scope="session")
def empty(tmp_path_factory) -> Path:
    """A repository of git and DVC with nothing in it."""
    root = tmp_path_factory.mktemp("empty") / "clone"
    root.mkdir()
    run(root, "git", "init", "-q", "-b", "main")
    run(root, sys.executable, "-m", "dvc", "init", "-q")
    (root / ".dvc/config").write_text("[core]\n    analytics = false\n    check_update = false\n")
    return root


@pytest.fixture
def make(empty, tmp_path) -> Make:
    """Make a repository of this dvc.yaml (text) and these files, committed; its root."""

    def make(graph: str, files: dict[str, str] | None = None, name: str = "clone") -> Path:
        root = Path(shutil.copytree(empty, tmp_path / name))
        for path, text in {"dvc.yaml": graph, ".gitignore": "/out/\n", **(files or {})}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        run(root, "git", "add", "--all")
        run(root, "git", "commit", "-qm", "A graph")
        return root

    return make


def run(root: Path, *words: str) -> str:
    """Run a command in `root`; its output."""
    done = subprocess.run(words, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def dvc() -> Callable[..., str]:
    """Run DVC itself in a repository; its output."""
    return lambda root, *words: run(root, sys.executable, "-m", "dvc", *words)


@dataclass
class Server:
    """`make serve` in a clone of its own: its address, the clone, the process and what it says."""

    url: str
    clone: Path
    process: subprocess.Popen[str]
    log: Path


SERVED = """
stages:
  quick:
    desc: A quick one
    cmd: mkdir -p out && cp source.txt out/quick
    deps: [source.txt]
    outs: [out/quick]
    meta: {gpus: 0, minutes: 1}
  next:
    desc: What reads the quick one
    cmd: cat out/quick out/quick > out/next
    deps: [out/quick]
    outs: [out/next]
    meta: {gpus: 1, minutes: 1}
  train:
    desc: A training of some seconds
    cmd: mkdir -p out && python train.py out/model seed 40 0.3
    deps: [train.py, out/quick]
    outs: [out/model]
    meta: {gpus: 1, minutes: 5, retries: 1}
  slow:
    desc: A slow one
    cmd: echo $$ > pid && sleep 120
    outs: [out/slow]
    meta: {gpus: 1, minutes: 5}
"""


@pytest.fixture(scope="session")
def server(empty, tmp_path_factory) -> Iterator[Server]:
    """The one server of the slow tests, with a worker of pool cpu; nothing of it is left afterwards."""
    project = Path(__file__).resolve().parents[2]
    clone = Path(shutil.copytree(empty, tmp_path_factory.mktemp("served") / "clone"))
    shutil.copytree(project / "flows", clone / "flows", ignore=shutil.ignore_patterns("__pycache__"))
    files = {
        "dvc.yaml": SERVED,
        "prefect.yaml": (project / "prefect.yaml").read_text().replace("interval: 60", "interval: 1"),
        "source.txt": "data\n",
        "train.py": Path(__file__).with_name("toy_training.py").read_text(),
        ".gitignore": "/out/\n/runs/\n/pid\n/.checkpoints/\n__pycache__\n",
    }
    for name, text in files.items():
        (clone / name).write_text(text)
    run(clone, "git", "add", "--all")
    run(clone, "git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "-qm", "A graph")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PREFECT_API_URL", "PREFECT_HOME")}
    environment |= ENVIRONMENT | {"CUDA_VISIBLE_DEVICES": "", "GPU_LEASES": str(clone.parent / "leases")}
    log = clone.parent / "log"
    words = [sys.executable, "-m", "flows.serve", "--port", str(port), "--silent", "40", "--pools", "cpu"]
    with log.open("w") as file:
        process = subprocess.Popen(words, cwd=clone, env=environment, stdout=file, stderr=file, text=True)
    try:
        wait_for(lambda: process.poll() is not None or "Prefect is at" in log.read_text(), 90, every=0.2)
        assert process.poll() is None, log.read_text()
        yield Server(f"http://127.0.0.1:{port}/api", clone, process, log)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


@contextmanager
def joined(server: Server, clone: Path, pool: str) -> Iterator[subprocess.Popen[str]]:
    """`make worker` in a clone, in a session of its own, until the block ends."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PREFECT_HOME")}
    environment |= ENVIRONMENT | {"PREFECT_API_URL": server.url, "CUDA_VISIBLE_DEVICES": ""}
    environment["GPU_LEASES"] = str(clone.parent / f"leases-{clone.name}")  # as if it were another machine
    log = clone.parent / f"{clone.name}-{pool}.log"
    with log.open("w") as file:
        words = [sys.executable, "-m", "flows.serve", "--worker", "--pools", pool]
        process = subprocess.Popen(words, cwd=clone, env=environment, stdout=file, stderr=file, text=True)
    try:
        wait_for(lambda: process.poll() is not None or "started!" in log.read_text(), 60, every=0.2)
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


@pytest.fixture(scope="module")
def gpu_worker(server) -> Iterator[subprocess.Popen[str]]:
    """The worker of pool gpu in the server's own clone."""
    with joined(server, server.clone, "gpu") as process:
        yield process


@pytest.fixture
def prefect(server, tmp_path) -> Iterator[Server]:
    """This process's flows report to the server."""
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

    with temporary_settings(updates={PREFECT_API_URL: server.url, PREFECT_HOME: tmp_path / "prefect"}):
        yield server


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """An S3 server on loopback with an empty bucket named `bucket`; its address."""
    with machines.bucket() as address:
        yield address


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def attach(request, tmp_path) -> Callable[[Path], None]:
    """Give a clone the remote that all clones of the test have, in .dvc/config.local: a folder, or S3."""
    settings = {"url": str(tmp_path / "remote")}
    if request.param == "s3":
        settings = {
            "url": f"s3://bucket/{uuid.uuid4()}",
            "endpointurl": request.getfixturevalue("s3"),
            "access_key_id": "key",
            "secret_access_key": "secret",
            "region": "us-east-1",
        }
    lines = ["[core]", "    remote = store", "['remote \"store\"']", *(f"    {k} = {v}" for k, v in settings.items())]
    return lambda root: (root / ".dvc/config.local").write_text("\n".join(lines) + "\n")


def ask(name: str, **given: Any) -> Any:
    """Start a deployment's run; it is not waited for."""
    from prefect.deployments import run_deployment

    return run_deployment(name, timeout=0, as_subflow=False, **given)


def ended(number: Any, seconds: float = 60) -> Any:
    """The run once it has ended."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        wait_for(lambda: client.read_flow_run(number).state.is_final(), seconds, every=0.3)
        return client.read_flow_run(number)
