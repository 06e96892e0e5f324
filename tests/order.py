"""Which tests run when: the slow ones longest first and shared out among the workers so that none idles at the end.

Decisions: one run of pytest has all tests, since each worker imports and collects them all: 17 processor seconds. Slow
tests wait a lot (for servers, for processes that are killed) and fast ones compute, so the two run beside one another:
the order has slow tests at its head and fast ones at its end, and one worker of four takes from the end. A unit, which
one worker runs whole, is what stands together of one file: the tests of a file share its fixtures; so do two files that
want a server of Prefect, which takes 20 seconds to start, or the first stages of the graph (FELLOWS). The slow ones are
done before the fast ones then, whose files are short: the workers end together. A file that is not in the table counts
as MIDDLING; the table wants no care, for it decides nothing but how long the last worker runs alone.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import pytest

# about how long the slow tests of a file take, in seconds of one of three workers on two cores
SECONDS = {
    "tests/test_pipeline.py": 150,
    "tests/flows/test_serve.py": 130,
    "tests/test_one_owner.py": 140,
    "tests/flows/test_machines.py": 120,
    "tests/test_pipeline_rest.py": 60,
    "tests/flows/test_pipeline.py": 110,
    "tests/tools/test_chaos.py": 110,
    "tests/flows/test_temporary_server.py": 85,
    "tests/docs/test_extend.py": 60,
    "tests/test_pretrained.py": 34,
    "tests/docs/test_commands.py": 22,
    "tests/flows/test_remote.py": 22,
    "tests/test_odd_paths.py": 25,
}
MIDDLING = 12
FELLOWS = {  # their slow tests run after those, on the same worker
    "tests/flows/test_serve.py": "tests/flows/test_pipeline.py",
    "tests/test_pipeline_rest.py": "tests/test_pipeline.py",
}


def arranged(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The items: slow ones first, file by file, the longest to the shortest; then the others, as they come."""
    slow: dict[str, list[pytest.Item]] = {}
    fast = []
    for item in items:
        if item.get_closest_marker("slow"):
            slow.setdefault(_home(item.nodeid), []).append(item)
        else:
            fast.append(item)
    took = {home: sum(SECONDS.get(file, MIDDLING) for file in {_file(i.nodeid) for i in slow[home]}) for home in slow}
    files = sorted(slow, key=lambda home: -took[home])
    return [item for file in files for item in slow[file]] + fast


def units(nodeids: Sequence[str]) -> dict[str, str]:
    """The unit of each test: the file, and which of its stretches in this order."""
    found: dict[str, str] = {}
    stretches: dict[str, int] = {}
    for file, own in groupby(nodeids, key=_home):
        stretches[file] = stretches.get(file, -1) + 1
        found |= dict.fromkeys(own, f"{file} {stretches[file]}")
    return found


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _home(nodeid: str) -> str:
    return FELLOWS.get(_file(nodeid), _file(nodeid))


def scheduler(config: pytest.Config, log: Any) -> Any:
    """What hands units to pytest-xdist's workers."""
    from xdist.scheduler import LoadFileScheduling

    class FromBothEnds(LoadFileScheduling):
        """One worker of four takes from the end; none holds more than the next test beside the one that it runs."""

        of: dict[str, str]

        def _split_scope(self, nodeid: str) -> str:
            return self.of[nodeid]

        def schedule(self) -> None:
            if self.collection is None:
                self.of = units(next(iter(self.registered_collections.values())))
            super().schedule()

        def _assign_work_unit(self, node: Any) -> None:
            if int(node.gateway.id.removeprefix("gw")) % 4 == 1:
                self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
            super()._assign_work_unit(node)

        def _reschedule(self, node: Any) -> None:
            if not self.workqueue or self._pending_of(self.assigned_work[node]) < 2:
                super()._reschedule(node)

    config.option.loadscopereorder = False
    return FromBothEnds(config, log)
