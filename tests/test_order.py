"""Every test runs once, what stands together of a file on one worker, slow ones from the longest on."""

import subprocess
import sys
from types import SimpleNamespace

from tests import order

CONFTEST = """
import pytest
from tests import order

def pytest_configure(config):
    config.addinivalue_line("markers", "slow: x")

def pytest_collection_modifyitems(items):
    items[:] = order.arranged(items)

def pytest_xdist_make_scheduler(config, log):
    return order.scheduler(config, log)

@pytest.fixture(autouse=True)
def _noted(request, worker_id):
    yield
    with open("ran", "a") as file:
        file.write(f"{worker_id} {request.node.nodeid}\\n")
"""
FILE = """
import pytest

@pytest.mark.slow
def test_slow_one(): pass

@pytest.mark.parametrize("k", [1, 2, 3])
def test_fast(k): pass

@pytest.mark.slow
def test_slow_two(): pass
"""


def item(nodeid, slow=True):
    return SimpleNamespace(nodeid=nodeid, get_closest_marker=lambda name: slow and name == "slow")


def test_slow_tests_come_first_and_of_them_the_longest(monkeypatch):
    monkeypatch.setattr(order, "SECONDS", {"a": 50, "b": 40, "c": 30, "d": 1})
    items = [item("z::fast", False), *(item(f"{name}::one") for name in "dcba"), item("a::fast", False)]
    assert [each.nodeid for each in order.arranged([*items, item("x::two"), item("a::two")])] == [
        *("a::one", "a::two", "b::one", "c::one", "x::two", "d::one"),
        *("z::fast", "a::fast"),
    ]


def test_fellows_count_and_stay_together(monkeypatch):
    monkeypatch.setattr(order, "SECONDS", {"a": 50, "b": 40, "c": 30})
    monkeypatch.setattr(order, "FELLOWS", {"c": "b"})
    arranged = [each.nodeid for each in order.arranged([item(f"{name}::one") for name in "abc"])]
    assert arranged == ["b::one", "c::one", "a::one"]
    assert order.units(arranged) == {"b::one": "b 0", "c::one": "b 0", "a::one": "a 0"}


def test_a_unit_is_what_stands_together_of_a_file():
    assert order.units(["a::1", "a::2[x::y]", "b::1", "a::3"]) == {
        "a::1": "a 0",
        "a::2[x::y]": "a 0",
        "b::1": "b 0",
        "a::3": "a 1",
    }


def test_the_table_names_files_with_slow_tests(root):
    assert [name for name in order.SECONDS if "slow" not in (root / name).read_text()] == ["tests/flows/test_remote.py"]


def test_every_test_runs_once_and_a_unit_on_one_worker(root, tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for name in "abcde":
        (tmp_path / f"test_{name}.py").write_text(FILE)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {root}\n")
    words = [sys.executable, "-m", "pytest", "-q", "-n", "3", "-p", "no:cacheprovider"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert "25 passed" in done.stdout, done.stdout + done.stderr
    ran = [line.split() for line in (tmp_path / "ran").read_text().splitlines()]
    by = {nodeid: worker for worker, nodeid in ran}
    assert len(ran) == len(by) == 25
    for name in "abcde":
        for kind in "slow", "fast":
            assert len({by[nodeid] for nodeid in by if f"test_{name}.py::test_{kind}" in nodeid}) == 1
