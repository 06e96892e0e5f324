"""What was worked out last, kept in memory by name: the page asks again when somebody goes back or reloads."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """The `most` last values; safe to call from any thread, and one value is worked out at a time."""

    def __init__(self, most: int) -> None:
        """Keep `most` values."""
        self._most, self._lock = most, threading.Lock()
        self._kept: OrderedDict[str, T] = OrderedDict()

    def of(self, key: str, make: Callable[[], T]) -> T:
        """The value of a key, made where it is not kept; errors of `make` pass, and nothing is kept of them."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make()
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return self._kept[key]
