"""One HTML file from a template of a page (`run/page.html`): base.html frames them all, page.css dresses them.

Decision: the style sheet and the scripts go into the file, so that a page that is mailed needs nothing beside it; what
lies beside it (the other pages, plotly) makes it more, and is looked for when it is opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from PIL import Image

from sanreid.reporting.shared import menu

HERE = Path(__file__).parent
SCRIPTS = ("page.js", "charts.js")


@dataclass(frozen=True)
class Tile:
    """A headline number."""

    value: str
    label: str
    spread: str = ""


def render(
    name: str,
    *,
    stage: str,
    eyebrow: str,
    headline: str,
    lead: str,
    tiles: Sequence[Tile] = (),
    title: str = "",
    place: str = "",
    notices: Sequence[str] = (),
    **values: Any,
) -> str:
    """The HTML text of template `name`, by `stage`; `title` is the window's, where it is not the headline.

    `place` is the page's path below reports/, which its menu starts from; '' is of a page elsewhere, which has no menu.

    `notices` stand above everything: what makes the numbers below doubtful, such as a training that diverged.

    Raises jinja2.UndefinedError for a value that the template uses and was not given.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([HERE, HERE.parent]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    frame = {"stage": stage, "eyebrow": eyebrow, "headline": headline, "lead": lead, "tiles": tiles, "title": title}
    css, *scripts = [(HERE / file).read_text() for file in ("page.css", *SCRIPTS)]
    values |= {"css": css, "scripts": scripts, "menu": menu.of(place)}
    return environment.get_template(name).render(notices=notices, **frame, **values)


def cover(image: Image.Image, file: Path, width: int = 640, height: int = 360) -> None:
    """Write the JPEG beside a page that shows it in the menu: the upper left of `image`, `width` px wide at most."""
    scale = min(1.0, width / image.width)
    small = image.convert("RGB").resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    small.crop((0, 0, small.width, min(height, small.height))).save(file, "JPEG", quality=80, optimize=True)
