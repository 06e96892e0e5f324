"""Shared by all tests: the repository root on the path, one torch thread, no colour in logs."""

import atexit
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # `from stages import ...`

from tests import order, warm_python  # noqa: E402
from tests.workspace import Workspace  # noqa: E402

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job: what is started here would ignore it
    signal.signal(signal.SIGINT, signal.default_int_handler)
if "PYTEST_XDIST_WORKER" in os.environ:  # nobody asks for a worker's status
    atexit.register(os._exit, 0)  # after all other exit functions: taking the modules down takes two processor seconds
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two workers share two cores; tensors this small lose by more


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest start first; tests/order.py says why."""
    items[:] = order.arranged(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile` the workers take from both ends of that order."""
    return order.scheduler(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository root."""
    return ROOT


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Path:
    """The folder that all processes of this run of the tests have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def cache(shared) -> Path:
    """One DVC cache for the workspaces of all processes of this run of the tests."""
    return shared / "dvc-cache"


@pytest.fixture(scope="session")
def kernels(shared) -> Path:
    """One place for what numba compiles in them."""
    return shared / "kernels"


@pytest.fixture(scope="session")
def warm(tmp_path_factory) -> Iterator[Path]:
    """The folder, for the head of a PATH, of a `python` that starts stages fast."""
    with warm_python.serving(tmp_path_factory.mktemp("warm") / "bin", os.environ) as folder:
        yield folder


@pytest.fixture(scope="session")
def project(root, tmp_path_factory, cache, kernels) -> Workspace:
    """A tiny project that test files share, so that what the graph's first stages make is made once; it starts cold."""
    made = Workspace(root, tmp_path_factory.mktemp("project"), cache, kernels=kernels)
    made.leave_code_out()
    return made


@pytest.fixture(scope="session")
def published() -> Path:
    """The folder of real public files (SANREID_SHARED_DATA, else ../shared/data); tests that want it skip without."""
    folder = Path(os.environ.get("SANREID_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "market_attribute.mat").is_file():
        pytest.skip(f"{folder} holds no published files; set SANREID_SHARED_DATA to check against them")
    return folder


@pytest.fixture
def own_folders(tmp_path, monkeypatch) -> None:
    """Checkpoints and TensorBoard files lie in the test's own folder, and training takes one thread."""
    import torch  # not every test wants it

    monkeypatch.setenv("SANREID_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("SANREID_RUNS", "")
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _denormals():
    """What a digits' training switches off for its process is on again for the next test."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
