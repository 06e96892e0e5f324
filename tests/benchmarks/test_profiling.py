"""The device's share of the time is the union of its kernels, counted once where they overlap; real steps are told."""

import pytest
import torch

from benchmarks import profiling


def event(ts, dur, cat="kernel"):
    return {"ph": "X", "cat": cat, "ts": ts, "dur": dur}


def test_overlapping_kernels_count_once_and_gaps_are_told():
    events = [event(0, 100), event(50, 100, "gpu_memcpy"), event(650, 100), event(0, 1000, "cpu_op")]
    events += [event(0, 1000, "gpu_user_annotation"), {"ph": "M", "cat": "kernel"}]
    found = profiling.busy(events, 1000.0)
    assert found == {"device_busy_percent": 25.0, "kernels": 3, "longest_gap_ms": 0.5}


def test_where_no_device_worked_none_is_claimed():
    assert profiling.busy([event(0, 5, "cpu_op")], 10.0)["device_busy_percent"] is None


@pytest.mark.slow
def test_steps_of_a_network_are_profiled():
    weights = torch.zeros(8, 8, requires_grad=True)
    done = []

    def step(k):
        (torch.randn(4, 8) @ weights).sum().backward()
        done.append(k)

    found = profiling.profile(step, 3, torch.device("cpu"))
    assert done == [0, 1, 2]
    assert found["steps"] == 3
    assert found["ms_a_step"] > 0
    assert "aten::mm" in found["table"]
    assert found["device_busy_percent"] is None or torch.cuda.is_available()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="wants a GPU")
def test_a_gpus_kernels_are_seen():
    a = torch.randn(2048, 2048, device="cuda")
    found = profiling.profile(lambda k: a @ a, 20, a.device)
    assert found["kernels"] >= 20
    assert 0 < found["device_busy_percent"] <= 100
