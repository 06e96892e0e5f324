"""One HTML page of queries and what was found: pictures inside, nothing beside it, readable offline.

Decisions: pictures are small JPEGs as data URIs, so that the page can be sent to somebody; of a picture that is no
longer there the page says so and shows the rest.
"""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import jinja2

from sanreid import runtime
from sanreid.data import images
from sanreid.search.index import Index
from sanreid.search.nearest import Nearest

HEIGHT = 192  # pixels of a picture on the page
QUALITY = 85
TEMPLATE = Path(__file__).parent / "page.html"


def render(queries: Sequence[Sequence[str]], found: Nearest, gallery: Index, reranked: bool = False) -> str:
    """The page's text: for each query its pictures (one or several of one person), then the matches, nearest first."""
    groups = []
    for paths, rows, distances in zip(queries, found.rows, found.distances, strict=True):
        matches = [_match(gallery, int(row), float(d)) for row, d in zip(rows, distances, strict=True)]
        groups.append({"asked": [_tile(Path(path), path) for path in paths], "matches": matches})
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    how = "re-ranked by k-reciprocal neighbours" if reranked else "1 - cosine: 0 is the same picture, 2 the farthest"
    return template.render(groups=groups, gallery=gallery, how=how)


def write(file: Path, text: str) -> None:
    """Write the page whole or not at all; OSError where it cannot be written."""
    with runtime.atomic_file(file) as work:
        work.write_text(text, encoding="utf-8", errors="surrogateescape")


def _match(gallery: Index, row: int, distance: float) -> dict[str, Any]:
    ids = [f"{k} {int(v[row])}" for k, v in (("person", gallery.pids), ("camera", gallery.camids)) if v is not None]
    return _tile(gallery.place(row), gallery.paths[row]) | {"distance": f"{distance:.3f}", "ids": ", ".join(ids)}


def _tile(path: Path, name: str) -> dict[str, Any]:
    """The picture as a data URI, or "" where it cannot be read, and its name."""
    try:
        picture = images.read_rgb(path)
    except (OSError, ValueError):
        return {"source": "", "name": name}
    height, width = picture.shape[:2]
    if height > HEIGHT:
        size = (max(1, round(width * HEIGHT / height)), HEIGHT)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    return {"source": f"data:image/jpeg;base64,{base64.b64encode(data).decode()}", "name": name}
