"""params.yaml as the page shows it: its sections as written, with the comments that say what a key means."""

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from sanreid import params

KEY = re.compile(r"^(\s*(?:- )?)([\w.]+)(:)(?=\s|$)")
COMMENT = re.compile(r"(?:^|\s)#.*$")


@dataclass(frozen=True)
class Part:
    """A section: its name, the first line of the comment above it, and its lines as HTML."""

    name: str
    about: str
    html: str


@dataclass(frozen=True)
class Changed:
    """The profile that a run's parameters are nearest to, and (key, there, here) of what differs; '–' is absent."""

    profile: str
    keys: list[tuple[str, str, str]]


def changed(path: Path, profiles: Path) -> Changed | None:
    """What the file at `path` says otherwise than the profile of `profiles` that it is nearest to; None for none.

    The profiles are no dependency of the page: who edits one and not params.yaml sees it at the next report.
    """
    here = _leaves(params.read(path))
    found = []
    for file in sorted(profiles.glob("*.yaml")):
        there = _leaves(params.read(file))
        keys = [k for k in dict.fromkeys([*there, *here]) if there.get(k, "–") != here.get(k, "–")]
        found.append(Changed(file.name, [(k, there.get(k, "–"), here.get(k, "–")) for k in keys]))
    return min(found, key=lambda c: len(c.keys), default=None)


def _leaves(values: Any, prefix: str = "") -> dict[str, str]:
    """Dotted keys to values as text."""
    if isinstance(values, dict) and values:
        return {k: v for key, value in values.items() for k, v in _leaves(value, f"{prefix}{key}.").items()}
    return {prefix[:-1]: str(values)}


def sections(path: Path) -> list[Part]:
    """Split the file at its top-level keys; a comment belongs to the key below it. FileNotFoundError names the file."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not found; `make profile PROFILE=demo` writes one")
    parts: list[Part] = []
    above: list[str] = []
    name, lines, about = "", [], ""
    for line in path.read_text().splitlines():
        key = re.match(r"^(\w+):", line)
        if key:
            if name:
                parts.append(_part(name, about, lines))
            about = next((c.lstrip("# ").strip() for c in above if c.strip("# ")), "")
            name, lines, above = key[1], [*above, line], []
        elif not line.strip() or line.startswith("#"):
            above = [] if not line.strip() else [*above, line]
            if line.strip():
                continue
        elif name:
            lines.append(line)  # a comment before it belongs to the next key: `dvc exp run -S` moves lists below it
    if name:
        parts.append(_part(name, about, lines))
    return parts


def _part(name: str, about: str, lines: list[str]) -> Part:
    return Part(name, about, "\n".join(_tinted(line) for line in lines))


def _tinted(line: str) -> str:
    """A YAML line with its key and its comment in colour."""
    comment = COMMENT.search(line)
    code, rest = (line[: comment.start()], line[comment.start() :]) if comment else (line, "")
    key = KEY.match(code)
    if key:
        code = f'{escape(key[1])}<span class="k">{escape(key[2])}</span>:{escape(code[key.end(3) :])}'
    else:
        code = escape(code)
    return code + (f'<span class="c">{escape(rest)}</span>' if rest else "")
