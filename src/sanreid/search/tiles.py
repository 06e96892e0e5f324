"""What the pages of `search` share: small pictures, a template that is filled, and a page that is written."""

import base64
from pathlib import Path
from typing import Any

import jinja2

from sanreid import runtime
from sanreid.data import images
from sanreid.search.thumbnails import jpeg


def tile(path: Path, name: str, height: int) -> dict[str, Any]:
    """The picture, at most `height` pixels high, as a JPEG data URI, or "" where it cannot be read, and its name."""
    try:
        data = jpeg(images.load(path), 4 * height, height)
    except (OSError, ValueError):
        return {"source": "", "name": name}
    return {"source": f"data:image/jpeg;base64,{base64.b64encode(data).decode()}", "name": name}


def fill(template: Path, **values: Any) -> str:
    """The text of an HTML template, framed by frame.html beside it, with its values, escaped.

    An unknown name is an error.
    """
    beside = jinja2.FileSystemLoader(template.parent)
    environment = jinja2.Environment(loader=beside, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.get_template(template.name).render(**values)


def write(file: Path, text: str) -> None:
    """Write a page whole or not at all; OSError where it cannot be written."""
    with runtime.atomic_file(file) as work:
        work.write_text(text, encoding="utf-8", errors="surrogateescape")
