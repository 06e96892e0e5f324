"""How many images each row of a benchmark may have, so that all of them end within a budget.

Decisions: time is shared by weight among the rows that are still to come, so what one leaves over the others get. A row
is shrunk before it is left out: images a second need some dozens of steps and no more. Seconds an image are taken from
the rows that ran, times how much dearer the next one is expected to be.
"""

import time
from collections.abc import Callable

STEPS = 20  # an epoch of fewer is not worth a row


class Budget:
    """`seconds` from now, or no end where None; `clock` is the time."""

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.end = clock, None if seconds is None else clock() + seconds

    @property
    def left(self) -> float:
        """Seconds to the end."""
        return float("inf") if self.end is None else self.end - self.clock()

    def images(
        self, share: float, epochs: int, full: int, batch: int, seconds_an_image: float, fixed: float = 0.0
    ) -> int:
        """How many of `full` images a row may have: whole batches, all of them or at least `STEPS`; 0 for none.

        The row trains `epochs` epochs and takes `fixed` seconds besides; `share` of the time left is its own, and
        where that is too little for `STEPS` batches, all that is left.
        """
        if self.end is None:
            return full
        least = min(full, STEPS * batch)

        def fitting(seconds: float) -> int:
            return int(max(0.0, seconds - fixed) / (epochs * seconds_an_image))

        possible = fitting(self.left * share)
        if possible >= full:
            return full
        if possible >= least:
            return possible // batch * batch
        return least if fitting(self.left) >= least else 0
