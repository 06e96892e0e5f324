"""Reading a folder in the background, one at a time, with its progress for the page.

Decisions: one thread, because there is one network; a folder that waits says so. A failure is a sentence kept for the
page. What was read stays in memory, the RECENT last used folders of it.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from app.galleries import Gallery, Report
from sanreid import faults

RECENT = 4  # galleries in memory: 10,000 pictures of 2,048 numbers are 80 MB
State = Literal["unread", "waiting", "reading", "ready", "failed"]

log = logging.getLogger("sanreid")


@dataclass
class Job:
    """How far the reading of a folder is: `done` pictures of `total`, the seconds left, what went wrong."""

    state: State = "unread"
    done: int = 0
    total: int = 0
    left: float | None = None
    message: str = ""


class Jobs:
    """The galleries by id, and who is being read; safe to call from any thread."""

    def __init__(self, build: Callable[[str, Report], Gallery]) -> None:
        """`build` makes the gallery of an id and tells a `Report` how far it is."""
        self._build, self._lock = build, threading.Lock()
        self._pool, self._stopped = ThreadPoolExecutor(1, "reading"), threading.Event()
        self._jobs: dict[str, Job] = {}
        self._ready: OrderedDict[str, Gallery] = OrderedDict()

    def job(self, key: str) -> Job:
        """The state of an id's reading."""
        with self._lock:
            return self._jobs.get(key, Job())

    def gallery(self, key: str) -> Gallery | None:
        """The gallery where it is ready."""
        with self._lock:
            if found := self._ready.get(key):
                self._ready.move_to_end(key)
            return found

    def start(self, key: str) -> Job:
        """Read the folder of an id, once at a time; what is there already is looked through for changes."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.state not in ("waiting", "reading"):
                job = self._jobs[key] = Job("waiting")
                self._pool.submit(self._read, key, job)
            return job

    def close(self) -> None:
        """Stop after the batch that is being read; what was read is kept."""
        self._stopped.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, key: str, job: Job) -> None:
        begun, first = time.monotonic(), -1

        def report(done: int, total: int) -> None:
            nonlocal begun, first
            if self._stopped.is_set():
                raise InterruptedError("the page was stopped; it goes on here when it is started again")
            if first < 0:
                begun, first = time.monotonic(), done
            job.done, job.total = done, total
            if done > first:
                job.left = (time.monotonic() - begun) / (done - first) * (total - done)

        job.state = "reading"
        try:
            gallery = self._build(key, report)
        except Exception as error:
            if not faults.expected(error):
                log.exception("reading a folder failed")
            with self._lock:
                self._ready.pop(key, None)
                job.state, job.message = "failed", faults.message(error)
            return
        with self._lock:
            self._ready[key] = gallery
            self._ready.move_to_end(key)
            for old in list(self._ready)[:-RECENT]:
                del self._ready[old]
                if self._jobs[old].state == "ready":
                    del self._jobs[old]
            job.state = "ready"
