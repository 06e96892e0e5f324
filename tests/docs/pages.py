"""The documents of the project, and the blocks of code in them."""

import re
from pathlib import Path
from typing import NamedTuple

FENCE = re.compile(r"^```(\S*)[^\S\n]*(.*?)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TITLE = re.compile(r'title="([^"]*)"')


class Block(NamedTuple):
    """One block of code: where it stands, its language, what its title says, its text, the headings above it."""

    page: str
    language: str
    title: str
    text: str
    section: str


def documents(root: Path) -> list[Path]:
    """Everything that a reader is led to."""
    names = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "NOTICE.md", "data/README.md", "data/weights/README.md"]
    return [*(root / name for name in names), *sorted((root / "docs").glob("*.md"))]


def blocks(path: Path, root: Path) -> list[Block]:
    """The blocks of code of a document, in its order."""
    text = path.read_text()
    found = []
    for match in FENCE.finditer(text):
        headings = re.findall(r"^## (.*)$", FENCE.sub("", text[: match.start()]), flags=re.MULTILINE)
        title = TITLE.search(match[2])
        name = path.relative_to(root).as_posix()
        found.append(Block(name, match[1], title[1] if title else "", match[3], headings[-1] if headings else ""))
    return found
