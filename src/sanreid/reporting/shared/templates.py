"""One HTML file from a template of a page (`run/page.html`): base.html frames them all, page.css dresses them.

Decisions: the style sheet and the scripts go into the file, so that a page that is mailed needs nothing beside it; what
lies beside it (the other pages, plotly) makes it more, and is looked for when it is opened. What a page says, whatever
was measured, stands in its template, its headline and lead too.
"""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from PIL import Image

from sanreid.reporting.shared import menu

HERE = Path(__file__).parent
SCRIPTS = ("page.js", "charts.js")


class Tile(NamedTuple):
    """A headline number."""

    value: str
    label: str
    spread: str = ""


def render(template: str, /, **values: Any) -> str:
    """The HTML text of a template, such as `run/page.html`.

    base.html wants `stage`, `eyebrow`, `headline` and `lead`, of `values` or set by the template; it takes `title` (the
    window's, where it is not the headline), `tiles`, `notices` (above everything: what makes the numbers below
    doubtful, such as a training that diverged) and `place`: the page's path below reports/, which its menu starts from;
    a page without one lies elsewhere and has no menu.

    Raises jinja2.UndefinedError for a value that the template uses and nobody gave.
    """
    css, *scripts = [(HERE / file).read_text() for file in ("page.css", *SCRIPTS)]
    return fill(template, css=css, scripts=scripts, menu_of=menu.of, **values)


def fill(template: str, /, **values: Any) -> str:
    """The text of a template that is no page, such as the drawing `chart.svg`. Raises as `render` does."""
    return environment(HERE).get_template(template).render(values)


@cache
def environment(folder: Path) -> jinja2.Environment:
    """Reads the templates of `folder` and of the pages beside it; what they are given is escaped."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, folder.parent]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )


def cover(image: Image.Image, file: Path, width: int = 640, height: int = 360) -> None:
    """Write the JPEG beside a page that shows it in the menu: the upper left of `image`, `width` px wide at most."""
    scale = min(1.0, width / image.width)
    small = image.convert("RGB").resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    small.crop((0, 0, small.width, min(height, small.height))).save(file, "JPEG", quality=80, optimize=True)
