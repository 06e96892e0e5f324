"""What the page wants of a network; `sanreid.api.Model` has it."""

from typing import Protocol

from sanreid.search.reading import Embeds


class Network(Embeds, Protocol):
    """And says what it is: its name, the numbers of a feature, and the (height, width) that it sees, in pixels."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def dimension(self) -> int: ...  # noqa: D102

    @property
    def image_size(self) -> tuple[int, int]: ...  # noqa: D102

    def digest(self) -> str:
        """What tells its weights from others."""
        ...
