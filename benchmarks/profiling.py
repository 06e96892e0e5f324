"""Where the steps of a training spend their time: a profile as text, and the share in which the GPU computed.

Decisions: the share is the union of the intervals of kernels and copies over the time from the first step's beginning
to the last one's end, taken from the trace itself: nvidia-smi counts any sample in which something ran. What lies
between those intervals is a gap, in which the GPU waits for the CPU. torch.profiler slows the CPU down, so gaps are
rather over- than underestimated.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import profiler

DEVICE_WORK = {"kernel", "gpu_memcpy", "gpu_memset"}  # categories of the trace
TOP = 15  # rows of each table


def union(intervals: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The intervals (begin, end), overlapping ones made one, in order."""
    merged: list[tuple[float, float]] = []
    for begin, end in sorted(intervals):
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((begin, end))
    return merged


def busy(events: Iterable[dict[str, Any]], wall_us: float) -> dict[str, float | int | None]:
    """Of a trace's events over `wall_us` microseconds: the device's busy percent, its kernels, its longest gap in ms.

    None where no device worked.
    """
    work = [e for e in events if e.get("ph") == "X" and e.get("cat") in DEVICE_WORK]
    merged = union((e["ts"], e["ts"] + e["dur"]) for e in work)
    if not merged:
        return {"device_busy_percent": None, "kernels": 0, "longest_gap_ms": None}
    gaps = [after[0] - before[1] for before, after in pairwise(merged)]
    return {
        "device_busy_percent": min(100.0, 100 * sum(end - begin for begin, end in merged) / wall_us),
        "kernels": len(work),
        "longest_gap_ms": max(gaps, default=0.0) / 1000,
    }


def profile(work: Callable[[int], object], steps: int, device: torch.device) -> dict[str, Any]:
    """Profile `work(0)` .. `work(steps - 1)`: milliseconds a step, `busy` of them, and the tables as text."""
    activities = [profiler.ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(profiler.ProfilerActivity.CUDA)
        torch.cuda.synchronize()
    with profiler.profile(activities=activities) as found:
        begun = time.perf_counter()
        for k in range(steps):
            work(k)
        if device.type == "cuda":
            torch.cuda.synchronize()
        wall = time.perf_counter() - begun
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        found.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text(encoding="utf-8", errors="replace"))["traceEvents"]
    averages = found.key_averages()
    keys = ["self_cpu_time_total", *(["self_device_time_total"] if device.type == "cuda" else [])]
    tables = {key: averages.table(sort_by=key, row_limit=TOP, max_name_column_width=60) for key in reversed(keys)}
    text = "\n".join(f"by {key}\n{table}" for key, table in tables.items())
    return {"steps": steps, "ms_a_step": 1000 * wall / steps, **busy(events, 1e6 * wall), "table": text}
