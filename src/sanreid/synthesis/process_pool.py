"""Runs a function for many people in several processes, and yields the results in order.

Decisions: processes are spawned, not forked, so that neither OpenCV's nor numba's threads are copied half-alive; the
first item runs in the parent, which fills numba's on-disk cache once instead of once a process; a few items a process
are in flight, so that a slow reader of the results does not pile up pictures in memory. An item draws all it needs
from `runtime.rng(seed, data set, index, ...)`, so the results do not depend on the number of processes.
"""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain
from typing import TypeVar

import cv2

from sanreid import runtime, stopping

IN_FLIGHT = 3  # items a process that are handed out before the oldest result is taken

Item = TypeVar("Item")
Result = TypeVar("Result")


def run(
    work: Callable[[Item], Result], items: Sequence[Item], *, processes: int, title: str, unit: str = "person"
) -> Iterator[Result]:
    """Yield `work(item)` for each item, in the order of `items`, with a progress line (`runtime.progress`).

    `work` is a function of a module (or a partial of one): spawned processes import it by name. `processes` 0 means
    one a core. Raises what a worker raised, the message led by `title`, `unit` and the item (ValueError and
    FileNotFoundError keep their type, the rest becomes RuntimeError); RuntimeError too when a worker is killed.
    """
    count = min(processes or os.cpu_count() or 1, max(1, len(items)))
    name = f"{title}: {unit}"
    results = _alone(work, items[:1] if count > 1 else items, name)
    if count > 1:
        results = chain(results, _together(work, items[1:], count, name))
    return runtime.progress(results, len(items), title, "drawn")


def _alone(work: Callable[[Item], Result], items: Sequence[Item], name: str) -> Iterator[Result]:
    threads = cv2.getNumThreads()
    try:
        for item in items:
            cv2.setNumThreads(1)  # as in the workers; set anew, for the caller runs between two results
            yield _named(lambda item=item: work(item), item, name)
    finally:
        cv2.setNumThreads(threads)


def _together(work: Callable[[Item], Result], items: Sequence[Item], count: int, name: str) -> Iterator[Result]:
    spawn = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(count, mp_context=spawn, initializer=_begin)
    waiting = deque()
    try:
        for item in items:
            waiting.append((item, executor.submit(work, item)))
            if len(waiting) >= IN_FLIGHT * count:
                item, future = waiting.popleft()
                yield _named(future.result, item, name)
        while waiting:
            item, future = waiting.popleft()
            yield _named(future.result, item, name)
    finally:
        executor.shutdown(cancel_futures=True)


def _begin() -> None:
    """What a worker process starts with."""
    stopping.with_parent()  # or it would wait for work for ever when the stage is killed
    cv2.setNumThreads(1)


def _named(call: Callable[[], Result], item: object, name: str) -> Result:
    try:
        return call()
    except BrokenProcessPool as error:
        raise RuntimeError(
            f"{name} {item}: a worker was killed (out of memory?); lower synthesize.processes"
        ) from error
    except (ValueError, FileNotFoundError) as error:
        raise type(error)(f"{name} {item}: {error}") from error
    except OSError:  # of the disk: it names its file
        raise
    except Exception as error:
        raise RuntimeError(f"{name} {item}: {type(error).__name__}: {error}") from error
