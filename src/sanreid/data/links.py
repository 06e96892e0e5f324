"""Finds files of a folder that are hidden, or links to outside of it.

Decisions: a picture that is a link out of its folder is refused, because DVC would not notice changes of it, and it
would be missing on another machine. The folder itself may be a link, and so may a picture that links to another one
inside. DVC's own links into its cache are allowed.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

_CACHED = re.compile(r".*/files/md5/[0-9a-f]{2}/[0-9a-f]{30}(\.dir)?(/.*)?")


class Inside:
    """Whether a file is inside one of `roots` after resolving links; always true if there are no roots."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self.names = ", ".join(map(str, roots))
        self.roots = tuple(os.path.join(os.path.realpath(root), "") for root in roots)
        self.parents: dict[Path, bool] = {}

    def __call__(self, path: Path) -> bool:
        """A set has thousands of files and few folders: each folder is followed once."""
        if not self.roots:
            return True
        if path.parent not in self.parents:
            self.parents[path.parent] = self._inside(path.parent)
        return self._inside(path) if path.is_symlink() else self.parents[path.parent]

    def why(self, path: Path) -> str:
        """The error message for a file that is not inside."""
        return f"{path}: a link out of {self.names}; put the file itself there"

    def _inside(self, path: Path) -> bool:
        real = os.path.realpath(path)
        return os.path.join(real, "").startswith(self.roots) or _CACHED.fullmatch(Path(real).as_posix()) is not None


def shown(path: Path, folder: Path) -> bool:
    """Whether no part of `path` below `folder` is hidden, such as macOS's `._a.jpg`."""
    return not any(part.startswith(".") for part in path.relative_to(folder).parts)
