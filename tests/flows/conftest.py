"""A tiny git and DVC repository to run flows on, one-line stages each."""

import os
import shutil
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

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
    return subprocess.run(words, cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def dvc() -> Callable[..., str]:
    """Run DVC itself in a repository; its output."""
    return lambda root, *words: run(root, sys.executable, "-m", "dvc", *words)


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """An S3 server on loopback with an empty bucket named `bucket`; its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/bucket", method="PUT")).close()
    yield f"http://{host}:{port}"
    server.stop()


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
