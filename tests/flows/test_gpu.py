"""Leases of GPUs, pretended ones by environment: none booked twice, several all or nothing, freed by any death."""

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from flows import gpu, gpu_shell
from sanreid import process_group
from tests.processes import wait_for

SHELL = Path(gpu.__file__).with_name("gpu_shell.py")
# writes what it leased, when it began and when it ended
BUSY = (
    "import os, time; begun = time.monotonic(); time.sleep(0.05); "
    "print(os.environ['CUDA_VISIBLE_DEVICES'], begun, time.monotonic())"
)


@pytest.fixture
def two(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")


def shell(command: str, gpus: int, **options) -> subprocess.Popen:
    environment = os.environ | {"STAGE_GPUS": str(gpus)}
    return subprocess.Popen([SHELL, "-c", command], env=environment, stdout=subprocess.PIPE, text=True, **options)


def spans(processes) -> list[tuple[set[str], float, float]]:
    found = []
    for process in processes:
        said, record = process.communicate(timeout=60)[0].splitlines()
        devices, begun, ended = record.rsplit(" ", 2)
        names = {d for d in devices.split(",") if d}
        assert said == ("on GPU " + ", ".join(sorted(names)) if names else "on the CPU")
        found.append((names, float(begun), float(ended)))
    return found


def free(name: str) -> bool:
    """Whether a lock can be had at this moment."""
    with_it = gpu._take([name], 1)
    for number in with_it.values():
        os.close(number)
    return bool(with_it)


@pytest.mark.parametrize(
    ("visible", "names"),
    [("0,1", ["0", "1"]), (" 2 ", ["2"]), ("", []), ("-1", []), ("0,-1,1", ["0"]), ("GPU-a,GPU-b", ["GPU-a", "GPU-b"])],
)
def test_the_environment_says_which_gpus_there_are(monkeypatch, visible, names):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu.devices() == names


def test_nvidia_smi_says_it_where_the_environment_does_not(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nprintf '0\\n1\\n2\\n'\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert gpu.devices() == ["0", "1", "2"]
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho no driver >&2\nexit 9\n")
    assert gpu.devices() == []


def test_sixteen_processes_never_share_one_of_two(two):
    runs = spans([shell(f'{sys.executable} -c "{BUSY}"', 1) for _ in range(16)])
    assert {name for names, *_ in runs for name in names} == {"0", "1"}
    for name in "01":
        own = sorted((begun, ended) for names, begun, ended in runs if name in names)
        assert all(before[1] <= after[0] for before, after in pairwise(own))
    assert all(len(names) == 1 for names, *_ in runs)


def test_several_at_once_are_all_or_nothing(two):
    runs = spans([shell(f'{sys.executable} -c "{BUSY}"', 1 + k % 2) for k in range(10)])
    both = [run for run in runs if len(run[0]) == 2]
    assert len(both) == 5
    for _, begun, ended in both:
        assert sum(b < ended and begun < e for _, b, e in runs) == 1  # itself alone


@pytest.mark.parametrize(("visible", "wanted", "told"), [("4,7", 2, "4,7 2"), ("4,7", 1, "4 1"), ("", 2, " 1")])
def test_a_training_is_split_over_as_many_as_were_leased(monkeypatch, visible, wanted, told):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setenv("SANREID_RANKS", "9")  # the lease knows better
    out = shell('echo "$CUDA_VISIBLE_DEVICES $SANREID_RANKS"', wanted).communicate(timeout=60)[0]
    assert out.splitlines()[1] == told
    assert gpu_shell.RANKS == process_group.ASKED


def test_a_waiting_lease_of_two_holds_none(two):
    holder = shell("exec sleep 60", 1)
    assert holder.stdout
    assert holder.stdout.readline() == "on GPU 0\n"
    waiting = shell("true", 2)
    time.sleep(0.6)
    assert waiting.poll() is None
    wait_for(lambda: free("1"))
    holder.kill()
    assert waiting.communicate(timeout=10)[0] == "on GPU 0, 1\n"
    holder.communicate()


def test_more_than_the_host_has_is_refused(two):
    process = shell("true", 3, stderr=subprocess.PIPE)
    assert "3 GPUs are wanted and this host has 2 (0, 1)" in process.communicate()[1]
    assert process.returncode == 1


def test_a_host_without_gpus_runs_everything_one_training_after_another():
    runs = spans([shell(f'{sys.executable} -c "{BUSY}"', gpus) for gpus in (1, 2, 1)])
    assert [names for names, *_ in runs] == [set()] * 3
    own = sorted((begun, ended) for _, begun, ended in runs)
    assert all(before[1] <= after[0] for before, after in pairwise(own))


def test_who_wants_none_waits_for_none_and_sees_none(two):
    holder = shell("exec sleep 60", 2)
    assert holder.stdout
    holder.stdout.readline()
    (run,) = spans([shell(f'{sys.executable} -c "{BUSY}"', 0)])
    assert run[0] == set()
    holder.kill()
    holder.communicate()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_lease_ends_with_its_holder(two, number):
    holder = shell("exec sleep 60", 2)
    assert holder.stdout
    holder.stdout.readline()
    assert not free("0")
    holder.send_signal(number)
    holder.communicate()
    wait_for(lambda: free("0") and free("1"))


def test_a_lease_lasts_as_long_as_a_child_of_the_command(two):
    holder = shell("sleep 60 & echo $!; wait", 1)
    assert holder.stdout
    holder.stdout.readline()
    child = int(holder.stdout.readline())
    holder.kill()
    time.sleep(0.1)
    assert not free("0")
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: free("0"))
    holder.communicate()


def test_the_locks_are_for_every_user(two):
    with gpu.lease(1):
        lock = gpu.folder() / "gpu-0.lock"
        assert lock.stat().st_mode & 0o777 == 0o666
        assert gpu.folder().stat().st_mode & 0o7777 == 0o1777
