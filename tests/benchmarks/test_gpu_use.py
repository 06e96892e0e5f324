"""A program that speaks as nvidia-smi does is sampled, and spans of its samples are told apart."""

import itertools
import sys

import gpu_use
import pytest

from flows import gpu
from tests.processes import alive, wait_for

SPEAKER = "import sys, time; print('\\n'.join(sys.argv[1].split('/')), flush=True); time.sleep(60)"


def speaking(*lines: str) -> gpu_use.Utilisation:
    """Sampled is what such a program said, at the moments 0, 1, 2, ..."""
    moments = itertools.count()
    program = (sys.executable, "-c", SPEAKER, "/".join([*lines, "0, 0"]))
    found = gpu_use.Utilisation(clock=lambda: next(moments), program=program)
    wait_for(lambda: found.taken and found.taken[-1][1:] == (0, 0))
    return found


def test_a_span_has_its_own_mean_and_peak():
    found = speaking("10, 500", "30, 900", "90, 700")
    assert found.between(0, 1) == gpu_use.Use(20, 900, 2)
    assert found.between(2, 2) == gpu_use.Use(90, 700, 1)
    assert found.between(7, 9) is None
    assert found.stop() == gpu_use.Use(32.5, 900, 4)
    assert not alive(found.process.pid)


def test_what_is_no_number_is_no_sample():
    found = speaking("[N/A], 500", "No devices were found", "40, 100")
    assert found.stop().samples == 2


def test_without_nvidia_smi_nothing_is_measured_and_why_is_told(monkeypatch):
    monkeypatch.setenv("PATH", "")
    found = gpu_use.Utilisation("GPU-0")
    assert found.missing == "there is no nvidia-smi here"
    assert found.stop() is None


@pytest.mark.gpu
@pytest.mark.skipif(not gpu.devices(), reason="there is no GPU here")
def test_nvidia_smi_itself_is_understood():
    found = gpu_use.Utilisation()
    assert not found.missing
    wait_for(lambda: found.taken)
    use = found.stop()
    assert 0 <= use.percent <= 100
    assert use.peak_mb >= 0
