"""params.yaml as the page shows it: its sections as written, with the comments that say what a key means."""

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import NamedTuple

from sanreid import params

KEY = re.compile(r"^(\s*(?:- )?)([\w.]+)(:)(?=\s|$)")
COMMENT = re.compile(r"(?:^|\s)#.*$")
Leaves = Mapping[str, object]  # dotted key -> value


class Part(NamedTuple):
    """A section: its name, the first line of the comment above it, and its lines as HTML."""

    name: str
    about: str
    html: str


class Changed(NamedTuple):
    """The profile that a run's parameters are nearest to, and (key, there, here) of what differs; '–' is absent."""

    profile: str
    keys: list[tuple[str, str, str]]


def changed(path: Path, profiles: Path) -> Changed | None:
    """What the file at `path` says otherwise than the profile of `profiles` that it is nearest to; None for none.

    The profiles are no dependency of the page: who edits one and not params.yaml sees it at the next report.
    """
    here = leaves(params.read(path))
    found = [Changed(f.name, differing(leaves(params.read(f)), here)) for f in sorted(profiles.glob("*.yaml"))]
    return min(found, key=lambda c: len(c.keys), default=None)


def leaves(values: object, prefix: str = "") -> dict[str, object]:
    """Nested mappings as dotted keys; lists stay whole."""
    if isinstance(values, dict) and values:
        return {k: v for key, value in values.items() for k, v in leaves(value, f"{prefix}{key}.").items()}
    return {prefix[:-1]: values}


def differing(a: Leaves, b: Leaves) -> list[tuple[str, str, str]]:
    """(key, in A, in B) of what differs; '–' is absent."""
    pairs = ((key, str(a.get(key, "–")), str(b.get(key, "–"))) for key in dict.fromkeys([*a, *b]))
    return [(key, one, other) for key, one, other in pairs if one != other]


def sections(path: Path) -> list[Part]:
    """Split the file at its top-level keys; a comment belongs to the key below it. FileNotFoundError names the file."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not found; `make profile PROFILE=demo` writes one")
    parts: list[tuple[str, str, list[str]]] = []
    above: list[str] = []
    for line in path.read_text().splitlines():
        if key := re.match(r"(\w+):", line):
            about = next((c.lstrip("# ").strip() for c in above if c.strip("# ")), "")
            parts.append((key[1], about, [*above, line]))
            above = []
        elif line.startswith("#"):
            above.append(line)
        elif not line.strip():
            above = []
        elif parts:
            parts[-1][2].append(line)  # a comment before it is the next key's: `dvc exp run -S` moves lists below it
    return [Part(name, about, "\n".join(map(_tinted, lines))) for name, about, lines in parts]


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
