"""numba's `njit`, which works where nothing can be kept too.

Decision: compiled loops are kept beside their source file, or in the user's cache. Where both are read-only, as in a
container or for a user without a home, numba refuses to define such a function; here it is then compiled in each
process anew, which takes seconds. A shared folder such as /tmp is no place for them: whoever can write there could have
his own code run.
"""

import logging
from collections.abc import Callable
from typing import Any

import numba

log = logging.getLogger("sanreid")


def njit(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """As numba's, with options alone: `@njit(cache=True)`."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            return numba.njit(**options)(function)
        except RuntimeError as error:
            if not options.get("cache") or "no locator available" not in str(error):
                raise
            log.debug("%s: compiled anew each time: %s", function.__name__, error)
            return numba.njit(**options | {"cache": False})(function)

    return decorate
