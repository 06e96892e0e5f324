"""How much this host runs at once.

Decision: this keeps stages that have no place from holding a process each; what keeps two commands off one GPU is the
lease in `gpu`, which knows of the host's other runs too.
"""

import os

from flows import gpu
from flows.dag import Stage


class Capacity:
    """How many stages this host runs at once: a GPU each, or a core; one that wants more than all runs alone."""

    def __init__(self) -> None:
        self._all = {"gpu": max(1, len(gpu.devices())), "cpu": os.cpu_count() or 1}
        self._free = dict(self._all)
        self._taken: dict[str, tuple[str, int]] = {}

    def take(self, stage: Stage) -> bool:
        """Whether there is room for the stage now, which is then taken."""
        kind = "gpu" if stage.gpus else "cpu"
        places = min(stage.gpus or 1, self._all[kind])
        if places > self._free[kind]:
            return False
        self._free[kind] -= places
        self._taken[stage.name] = kind, places
        return True

    def give_back(self, stage: Stage) -> None:
        """The stage has ended."""
        kind, places = self._taken.pop(stage.name, ("cpu", 0))
        self._free[kind] += places
