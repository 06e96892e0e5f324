"""Error messages that name the whole key: a module knows `flip`, its caller that it is `train_san.augment.flip`."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def in_section(section: str) -> Iterator[None]:
    """Prefix the message of a ValueError raised in the block, which begins with a key, by `section` and a dot."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{section}.{error}") from None
