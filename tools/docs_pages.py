"""The site's pages that do not lie in docs/, and links that hold on a forge and in the site alike (a hook of mkdocs).

Decisions: each text has one home. README.md is the site's first page, and what a forge expects elsewhere (CONTRIBUTING,
CHANGELOG, NOTICE, data/README) is a page too, so nothing is written twice. Links are written as they hold in the
repository; here a link to such a page is turned to its place in the site, and one to any other file of the repository
becomes its name, since the site has no source code in it. Whatever leads nowhere is left, and `mkdocs build --strict`
stops at it.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
DOCS = "docs"
PAGES = {  # in the repository -> in the site
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "NOTICE.md": "notice.md",
    "data/README.md": "data.md",
    "data/weights/README.md": "weights.md",
    "src/sanreid/pretrained/README.md": "pretrained.md",
    "src/sanreid/pretrained_attributes/README.md": "pretrained_attributes.md",
    "src/sanreid/pretrained_texture/README.md": "pretrained_texture.md",
}
LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
PICTURE = re.compile(r"!\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages that lie elsewhere."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """The text of a page with its links turned to the site's."""
    source = {v: k for k, v in PAGES.items()}.get(page.file.src_uri, f"{DOCS}/{page.file.src_uri}")
    return turned(markdown, source)


def turned(text: str, source: str) -> str:
    """The Markdown of the repository's file `source` with links as in the site; blocks of code stay as they are."""
    parts = re.split(r"(^```.*?^```$)", text, flags=re.DOTALL | re.MULTILINE)
    for i in range(0, len(parts), 2):
        parts[i] = PICTURE.sub(lambda m: f"![{m['text']}]({_place(m['target'], source) or m['target']})", parts[i])
        parts[i] = LINK.sub(lambda m: _link(m["text"], m["target"], source), parts[i])
    return "".join(parts)


def _link(text: str, target: str, source: str) -> str:
    if re.match(r"[a-z]+:|#", target):
        return f"[{text}]({target})"
    place = _place(target, source)
    if place is None and (ROOT / _path(target, source)).exists():
        return text
    return f"[{text}]({place or target})"


def _path(target: str, source: str) -> str:
    """A link of the file `source` as a path of the repository."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target.split("#")[0]))


def _place(target: str, source: str) -> str | None:
    """Where the site has what a link of `source` names (all its pages lie side by side), or None."""
    path, _, anchor = _path(target, source), *target.partition("#")[1:]
    inside = path.removeprefix(f"{DOCS}/") if path.startswith(f"{DOCS}/") and (ROOT / path).is_file() else None
    page = PAGES.get(path, inside)
    return page and page + (f"#{anchor}" if anchor else "")
