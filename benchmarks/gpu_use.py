"""How busy a GPU was, and how much of its memory was taken: nvidia-smi's own samples, twice a second.

Decisions: one process samples for as long as it is asked to, and any span of its samples can be looked at afterwards,
so that several pieces of work share one. Utilisation is nvidia-smi's, the share of time in which any kernel ran; memory
is all that is taken on the device, the driver's own included. Where nothing was sampled the answer is None, never 0.
torch is not imported: a tool that starts other processes wants none.
"""

import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

QUERY = ["--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits", "--loop-ms=500"]


class Use(NamedTuple):
    """The mean utilisation in percent and the peak of the memory in MiB, over so many samples."""

    percent: float
    peak_mb: float
    samples: int


class Utilisation:
    """Samples of the GPUs `which` (as nvidia-smi's --id; None: all of them), from now on until `stop`.

    `missing` says why there are none, where nvidia-smi cannot be started.
    """

    def __init__(
        self,
        which: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        program: Sequence[str] = ("nvidia-smi",),
    ) -> None:
        self.taken: list[tuple[float, float, float]] = []  # moment, percent, MiB
        self.process, self.missing, self.clock = None, "", clock
        only = [f"--id={which}"] if which else []
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        try:
            self.process = subprocess.Popen([*program, *only, *QUERY], text=True, start_new_session=True, **pipes)
        except OSError:
            self.missing = "there is no nvidia-smi here"
            return
        self.reader = threading.Thread(target=self._read, name="gpu use", daemon=True)
        self.reader.start()

    def between(self, begin: float = float("-inf"), end: float = float("inf")) -> Use | None:
        """What was sampled from `begin` to `end`, moments of the clock; None where nothing was."""
        inside = [(percent, memory) for moment, percent, memory in list(self.taken) if begin <= moment <= end]
        if not inside:
            return None
        return Use(sum(p for p, _ in inside) / len(inside), max(m for _, m in inside), len(inside))

    def stop(self) -> Use | None:
        """End the sampling; what was sampled in all."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.reader.join(timeout=5)
        return self.between()

    def _read(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                percent, memory = (float(value) for value in line.split(","))
            except ValueError:  # "[N/A]", or a line of another kind
                continue
            self.taken.append((self.clock(), percent, memory))
