"""What the pages of `search` share: small pictures as data URIs, and a template that is filled."""

import base64
from pathlib import Path
from typing import Any

import cv2
import jinja2

from sanreid.data import images


def tile(path: Path, name: str, height: int, quality: int) -> dict[str, Any]:
    """The picture, at most `height` pixels high, as a JPEG data URI, or "" where it cannot be read, and its name."""
    try:
        picture = images.read_rgb(path)
    except (OSError, ValueError):
        return {"source": "", "name": name}
    high, wide = picture.shape[:2]
    if high > height:
        picture = cv2.resize(picture, (max(1, round(wide * height / high)), height), interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    return {"source": f"data:image/jpeg;base64,{base64.b64encode(data).decode()}", "name": name}


def fill(template: Path, **values: Any) -> str:
    """The text of an HTML template, framed by frame.html beside it, with its values, escaped.

    An unknown name is an error.
    """
    beside = jinja2.FileSystemLoader(template.parent)
    environment = jinja2.Environment(loader=beside, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.get_template(template.name).render(**values)
