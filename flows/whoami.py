"""Which machine answers: the first thing to ask of a new worker.

Decision: it prints what decides whether a stage can run there and gives the same result: GPUs, versions, the
clone's commit and its edits, DVC's remote.
"""

import os
import platform
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact

from flows import gpu

VERSIONS = ("torch", "numpy", "dvc", "prefect")


def facts(root: Path) -> dict[str, str]:
    """What there is to know of this machine and of the clone `root`, by name."""
    edits = _said(root, "git", "status", "--porcelain", "--untracked-files=no")
    remotes = dict(line.split()[:2] for line in _said(root, "dvc", "remote", "list").splitlines() if line.strip())
    default = _said(root, "dvc", "config", "core.remote")
    names = _said(root, "nvidia-smi", "--query-gpu=index,name,memory.total", "--format=csv,noheader")
    return {
        "host": socket.gethostname(),
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
        "GPUs to use": ", ".join(gpu.devices()) or "none: stages run on the CPU, trainings one after another",
        "GPUs by nvidia-smi": "; ".join(names.splitlines()) or "none",
        "python": f"{platform.python_version()} ({sys.executable})",
        **{name: _version(name) for name in VERSIONS},
        "clone": str(root),
        "commit": _said(root, "git", "rev-parse", "HEAD") or "none: this is no git repository",
        "uncommitted edits": ", ".join(line.split(None, 1)[1] for line in edits.splitlines()) or "none",
        "DVC remote": f"{default}: {remotes.get(default, 'not defined')}" if default else "none",
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _said(root: Path, *words: str) -> str:
    """What a command prints; nothing where it fails or is not there."""
    try:
        return subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


@flow(name="whoami", persist_result=False)
def whoami() -> dict[str, str]:
    """Tell which machine this is: host, GPUs, versions, the clone's commit and DVC's remote."""
    found = facts(Path.cwd())
    for name, value in found.items():
        get_run_logger().info("%s: %s", name, value)
    rows = [{"what": name, "value": value} for name, value in found.items()]
    create_table_artifact(rows, key="whoami", description=f"The machine {found['host']}")
    return found
