"""As many stages at once as there are GPUs, and as many others as there are cores."""

import os
from types import SimpleNamespace
from typing import cast

from flows import dag
from flows.capacity import Capacity


def test_room_is_a_gpu_or_a_core_each(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    stages = [
        SimpleNamespace(name=name, gpus=gpus) for name, gpus in {"a": 1, "b": 2, "c": 1, "d": 0, "e": 0, "f": 9}.items()
    ]
    a, b, c, d, e, f = cast(list[dag.Stage], stages)
    capacity = Capacity()
    assert [capacity.take(s) for s in (a, b, c, f, d, e)] == [True, False, True, False, True, False]
    for stage in (a, c, d):
        capacity.give_back(stage)
    assert capacity.take(f)  # wants more than all: the lease says why it cannot
    assert not capacity.take(b)
