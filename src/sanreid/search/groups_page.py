"""One HTML page of the people whom a folder's pictures show: pictures inside, nothing beside it, readable offline.

Decision: of a large group the first pictures are shown, so that a page of thousands can still be opened.
"""

import base64
from pathlib import Path

import cv2
import jinja2

from sanreid.data import images
from sanreid.search.groups import Groups
from sanreid.search.index import Index

HEIGHT, QUALITY = 128, 80  # pixels and JPEG quality of a picture on the page
SHOWN = 24  # pictures of a group
TEMPLATE = Path(__file__).parent / "groups.html"


def render(found: Groups, index: Index) -> str:
    """The page's text: a section a person, the one with most pictures first."""
    groups = [
        {"count": len(rows), "tiles": [_tile(index.place(int(r)), index.paths[r]) for r in rows[:SHOWN]]}
        for rows in found.members()
    ]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(groups=groups, index=index, threshold=found.threshold)


def _tile(path: Path, name: str) -> dict[str, str]:
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
