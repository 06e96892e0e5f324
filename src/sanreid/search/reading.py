"""Pictures to features where some may be broken: each of those is named with why, and the others are used.

Decision: what fails together is tried one by one, so that a folder of whole pictures costs nothing more, and one broken
picture among thousands does not lose the work on the others. The command and the search page read folders by it.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Row = NDArray[np.float32]


def each(embed: Callable[[Sequence[Path]], NDArray[np.float32]], paths: Sequence[Path]) -> Iterator[Row | str]:
    """For each picture its feature (D,), or why it has none; `embed` is a model's (`sanreid.api.Model.embed`)."""
    try:
        rows = list(embed(paths))
    except (ValueError, OSError):
        for path in paths:
            try:
                yield embed([path])[0]
            except (ValueError, OSError) as error:
                yield why(error, path)
    else:
        yield from rows


def why(error: Exception, path: Path) -> str:
    """What an error says of a picture, without its place: the name stands before it."""
    return str(error).replace(f"{path}: ", "")


def none_left(folder: object, broken: dict[str, str]) -> ValueError:
    """What is said where no picture of a folder can be used; `broken` tells of each why."""
    name, first = next(iter(broken.items()))
    return ValueError(f"{folder}: none of its {len(broken)} pictures can be used; the first, {name}: {first}")
