"""What every benchmark needs: a clock, a memory gauge, Market-1501-sized features, and one record of results.

Decisions: what is compared runs in one process, alternating, and the median of the pairs' ratios is what counts: the
machine's speed changes from minute to minute, its ratios hardly do. Each script adds its rows to
reports/benchmarks.json, from which the tables of docs/speed.md are made (benchmarks/record_table.py).
"""

import importlib.util
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from sanreid import runtime
from sanreid.evaluation.ranking import Embeddings

RECORD = Path("reports/benchmarks.json")
QUERIES, GALLERY, WIDTH, PEOPLE, CAMERAS = 3368, 19732, 2048, 750, 6  # 3,819 of the gallery junk, 2,798 distractors


def market(queries: int = QUERIES, gallery: int = GALLERY, width: int = WIDTH) -> tuple[Embeddings, Embeddings]:
    """Features that resemble a trained network's: non-negative, and not all of them found at once."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(PEOPLE + 1, width)).astype(np.float32)
    junk, distractors = gallery * 3819 // GALLERY, gallery * 2798 // GALLERY
    known = rng.integers(1, PEOPLE + 1, gallery - junk - distractors)
    gallery_pids = rng.permutation(np.r_[np.full(junk, -1), np.zeros(distractors, int), known])
    query_pids = rng.integers(1, PEOPLE + 1, queries)

    def embed(pids: np.ndarray) -> Embeddings:
        noise = rng.standard_normal((len(pids), width), dtype=np.float32)
        noise *= 2.8
        noise += centres[np.maximum(pids, 0)]
        return Embeddings(np.maximum(noise, 0, out=noise), pids, rng.integers(1, CAMERAS + 1, len(pids)))

    return embed(query_pids), embed(gallery_pids)


def timed(work: Callable[..., Any], *args: Any) -> tuple[float, Any]:
    """Seconds and result."""
    start = time.perf_counter()
    result = work(*args)
    return time.perf_counter() - start, result


def alternating(repeats: int, *works: Callable[[], Any]) -> list[list[float]]:
    """Seconds of each work, `repeats` times, taken in turn."""
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for kept, work in zip(seconds, works, strict=True):
            kept.append(timed(work)[0])
    return seconds


def ratio(ours: list[float], reference: list[float]) -> float:
    """The median of the pairs' ratios, ours over the reference's."""
    return statistics.median(o / r for o, r in zip(ours, reference, strict=True))


def load_oracle(folder: str) -> ModuleType:
    """The plain reference that the tests in tests/`folder` compare with: its oracle.py."""
    path = Path(__file__).parent.parent / "tests" / folder / "oracle.py"
    spec = importlib.util.spec_from_file_location("oracle", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def extra_mb(work: Callable[..., Any], *args: Any) -> float | None:
    """How far the process's resident memory rises above its present level; None where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return None
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from the present level
    before = _status_mb("VmRSS")
    work(*args)
    return _status_mb("VmHWM") - before


def record(name: str, **values: Any) -> None:
    """Put a row under `name` into reports/benchmarks.json, with the machine it was measured on."""
    rows = json.loads(RECORD.read_text()) if RECORD.is_file() else {}
    rows[name] = values | {"machine": machine()}
    runtime.write_json(RECORD, rows)


def machine() -> str:
    """Processor, cores that this process may use, Python."""
    model = platform.processor() or platform.machine()
    if sys.platform.startswith("linux"):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores, Python {platform.python_version()}"


def _status_mb(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))
