"""The shell commands that the documents show: of their blocks of bash, and of their words between backquotes.

Decisions: a line is split by the shell's own rules as far as the documents use them (quotes, comments, continued lines,
`&&`, `||`, `;`, `|`, `>`, assignments before a command); a place like <server> is a word. Words between backquotes are
a command where they begin with a program of COMMANDS and say more than its name; `...` there stands for the rest.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.docs import pages

COMMANDS = ["make", "dvc", "pytest", "sanreid", "python", "python3", "prefect", "torchrun", "pip", "git"]
PLACE = re.compile(r"<[a-z ]+>")
ASSIGNMENT = re.compile(r"[A-Z_]+=.*", re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


class Command(NamedTuple):
    """One simple command: the page, its words, the variables set before it, the file that it writes to, or ''.

    `mention`: it stands in a sentence, and may leave out what it works on.
    """

    page: str
    words: tuple[str, ...]
    variables: tuple[str, ...]
    writes: str
    mention: bool

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join([*self.variables, *self.words])}"


def simple(line: str, page: str, mention: bool = False) -> Iterator[Command]:
    """The simple commands of one line of shell."""
    lexer = shlex.shlex(PLACE.sub("PLACE", line), posix=True, punctuation_chars="&|;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    for token in [*lexer, ";"]:
        if not set(token) <= set("&|;"):
            words.append(token)
            continue
        writes = ""
        if ">" in words:
            at = words.index(">")
            writes = words[at + 1]
            del words[at : at + 2]
        if words:
            count = next((i for i, w in enumerate(words) if not ASSIGNMENT.fullmatch(w)), len(words))
            rest = words[count:][1:] if words[count:][:1] == ["exec"] else words[count:]
            yield Command(page, tuple(rest), tuple(words[:count]), writes, mention)
        words = []


def collect(root: Path) -> list[Command]:
    """Every command of every document, in order."""
    found: list[Command] = []
    for path in pages.documents(root):
        name = path.relative_to(root).as_posix()
        for block in pages.blocks(path, root):
            if block.language in ("bash", "sh", "console", "shell"):
                for line in block.text.replace("\\\n", " ").splitlines():
                    found += simple(line, name)
        for span in SPAN.findall(pages.FENCE.sub("", path.read_text())):
            words = [word for word in span.split() if not ASSIGNMENT.fullmatch(word)]
            if words and words[0] in COMMANDS and len(words) > 1:
                found += simple(span.removesuffix(" ..."), name, mention=True)
    return found
