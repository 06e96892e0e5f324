"""A record of stage runs: one line per run in runs/stages.js, which the report's page shows beside its graph.

Decisions: time, duration, commit and machine are not part of a stage's output, because equal runs would then have
different outputs, and DVC would rerun what depends on them. They are written to a file that git and DVC ignore, and the
page reads it when it is opened; since a page opened from disk may run scripts but not read files, each line is a
function call. A stage that DVC restored from its cache has no line. A failure to write never stops a stage. Only runs
in a project's folder (with a dvc.yaml), with outputs in it, are recorded: a test or a tool that works elsewhere is no
run of the graph. Of several processes of one training only the first writes a line.
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
LARGEST = 2_000_000  # bytes; beyond that the older half of the lines is dropped


@contextlib.contextmanager
def kept(stage: str, arguments: Mapping[str, Any]) -> Iterator[None]:
    """Record the run of `stage` in the block: outputs, seconds, whether it failed, commit, versions and machine."""
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
    """The machine and the versions of the packages; the GPU's name if torch has been imported and sees one."""
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
    """The commit, with "-dirty" appended if there are uncommitted changes; nothing without git."""
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
