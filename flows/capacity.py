"""The capacity of this host: how many stages it runs at once, and how much of that is free.

Decision: it keeps waiting stages from holding a process each; what keeps two commands off one GPU is the lease in
`gpu`, which knows of the host's other runs too.
"""

import os

from flows import gpu
from flows.dag import Stage


class Capacity:
    """Slots for stages: one per GPU and one per core; a stage that wants more GPUs than there are runs alone."""

    def __init__(self) -> None:
        self._all = {"gpu": max(1, len(gpu.devices())), "cpu": os.cpu_count() or 1}
        self._free = dict(self._all)
        self._taken: dict[str, tuple[str, int]] = {}

    def take(self, stage: Stage) -> bool:
        """Take the stage's slots; False, and nothing taken, where too few are free."""
        kind = "gpu" if stage.gpus else "cpu"
        places = min(stage.gpus or 1, self._all[kind])
        if places > self._free[kind]:
            return False
        self._free[kind] -= places
        self._taken[stage.name] = kind, places
        return True

    def give_back(self, stage: Stage) -> None:
        """Free the slots of a stage that has ended."""
        kind, places = self._taken.pop(stage.name, ("cpu", 0))
        self._free[kind] += places
