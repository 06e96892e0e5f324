"""What ran here: a line for each run of a stage in runs/stages.js, which the report's page shows beside its graph.

Decisions: when a stage ran, how long, at which commit and on which machine is no input and no output of it: in an
output it would make equal runs differ, and DVC would run again what reads it. So it lies beside, where neither git nor
DVC looks, and the page reads it when it is opened. A page on a disk may run a script and not read a file: each line is
a call. A stage that DVC restored from its cache has no line. Nothing here may stop a stage: what cannot be written is
left out. Only a project's own folder (a dvc.yaml in it) gets lines, of runs whose outputs lie in it: a test or a tool
that works elsewhere is no run of the graph. Of several processes of one training the first has a line.
"""

import contextlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

FILE = Path("runs/stages.js")
PACKAGES = ("sanreid", "torch", "torchvision", "numpy", "numba", "dvc")
LARGEST = 2_000_000  # bytes; then the older half of the lines goes


@contextlib.contextmanager
def kept(stage: str, arguments: Mapping[str, Any]) -> Iterator[None]:
    """Note the run of `stage` in the block: its outputs, seconds, whether it failed, commit, versions and machine."""
    begun, failed = time.monotonic(), True
    try:
        yield
        failed = False
    finally:
        outs = [str(arguments[name]) for name in ("out", "figures") if isinstance(arguments.get(name), Path)]
        own = all(Path(os.path.abspath(out)).is_relative_to(Path.cwd()) for out in outs)
        if own and Path("dvc.yaml").is_file() and os.environ.get("RANK", "0") == "0":
            told = {"stage": stage, "outs": outs, "seconds": round(time.monotonic() - begun, 1), "failed": failed}
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                _append(told | {"ended": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")} | machine() | _commit())


def machine() -> dict[str, Any]:
    """The machine and the versions of what computes on it; the GPU's name where torch is in use and sees one."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores{_gpu()}",
        "system": platform.platform(),
        "versions": versions,
    }


def _processor() -> str:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return platform.processor() or platform.machine()


def _gpu() -> str:
    torch = sys.modules.get("torch")
    try:
        return f", {torch.cuda.get_device_name()}" if torch is not None and torch.cuda.is_available() else ""
    except (RuntimeError, AssertionError):
        return ""


def _commit() -> dict[str, str]:
    """The commit that ran, "-dirty" behind it where the tree differs; none where there is no git."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    return {"commit": done.stdout.strip()} if done.returncode == 0 else {}


def _append(told: Mapping[str, Any]) -> None:
    """One write a line: stages that end at the same time do not mix theirs."""
    FILE.parent.mkdir(exist_ok=True)
    if FILE.is_file() and FILE.stat().st_size > LARGEST:
        lines = FILE.read_text(encoding="utf-8").splitlines(keepends=True)
        work = FILE.with_name(f".{FILE.name}.{os.getpid()}.partial")
        work.write_text("".join(lines[len(lines) // 2 :]), encoding="utf-8")
        work.replace(FILE)
    # "<" is written as an escape, so that no text can end a script
    line = json.dumps(told).replace("<", "\\u003c")
    descriptor = os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"sanreidRan({line});\n".encode())
    finally:
        os.close(descriptor)
