"""What `search`, `cluster` and `embed` work on: a folder of pictures, or features that `sanreid embed` wrote.

Decisions: it is looked at before torch is imported, so that a wrong name is told at once. A picture of a folder that
cannot be read is left out and told on standard error: one of thousands must not lose the work on the others. Pictures
that are named one by one are wanted, so a broken one of them is an error.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from sanreid.api import Model
    from sanreid.search.index import Index

TOLD = 5  # pictures left out that are named; all are counted


def find(place: Path) -> "Index | pd.DataFrame":
    """The features of a file, or the pictures of a folder, not yet read.

    Raises FileNotFoundError where there is neither, ValueError where the file holds no features.
    """
    from sanreid.search import index, listing

    if not place.exists() and place.suffix not in index.SUFFIXES:
        raise FileNotFoundError(f"{place}: not found; name a folder of pictures, or features of `sanreid embed`")
    return listing.pictures(place) if place.is_dir() else index.read(place)


def pictures(found: "Index | pd.DataFrame") -> int:
    """How many pictures are still to be embedded."""
    from sanreid.search.index import Index

    return 0 if isinstance(found, Index) else len(found)


def check(found: "Index | pd.DataFrame", model: "Model", place: Path) -> None:
    """ValueError where the features of the file `place` are another network's."""
    from sanreid.search.index import Index

    if isinstance(found, Index):
        found.check(model, place)


def features(
    found: "Index | pd.DataFrame", place: Path, model: "Model", batch: int, progress: Callable[[int], object]
) -> "Index":
    """The features of what `find` found at `place`.

    Raises ValueError where a file's are another network's, or no picture of a folder can be read.
    """
    from sanreid.search import index

    check(found, model, place)
    if isinstance(found, index.Index):
        return found
    return index.of_table(model, place, found, batch, progress, broken="leave_out")


def tell_broken(made: "Index") -> None:
    """Say on standard error which pictures were left out, and why."""
    if not made.broken:
        return
    count = len(made.broken)
    print(f"{count} of {count + len(made)} pictures left out:", file=sys.stderr)
    for name, why in list(made.broken.items())[:TOLD]:
        print(f"  {name}: {why}", file=sys.stderr)
    if count > TOLD:
        print(f"  and {count - TOLD} more", file=sys.stderr)


def tell_outdated(made: "Index", rows: Iterable[int], place: Path) -> None:
    """Say on standard error which pictures in `rows` are gone or changed since the features' file `place` was written.

    Of a folder, whose pictures were read just now, nothing is said.
    """
    old = made.outdated(rows, place.stat().st_mtime_ns) if place.is_file() else []
    if old:
        told = f"{len(old)} of the pictures shown are gone or were changed after it was written, such as {old[0]}"
        print(f"{place}: {told}; `sanreid embed` writes it again", file=sys.stderr)
