"""What the page wants of a network; `sanreid.api.Model` has it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Embeds(Protocol):
    """Something that turns pictures into features."""

    def embed(self, paths: Sequence[Path], /) -> NDArray[np.float32]:
        """Unit-length features (N, D) of N files; ValueError or OSError naming the first that cannot be read."""
        ...


class Network(Embeds, Protocol):
    """And says what it is: name, folder, the numbers of a feature, and the (height, width) in pixels that it sees."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def dimension(self) -> int: ...  # noqa: D102

    @property
    def image_size(self) -> tuple[int, int]: ...  # noqa: D102

    @property
    def folder(self) -> Path: ...  # noqa: D102

    def digest(self) -> str:
        """What tells its weights from others."""
        ...
