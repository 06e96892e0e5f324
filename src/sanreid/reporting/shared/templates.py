"""One HTML file from a template of a page (`run/page.html`): base.html frames them all, page.css dresses them.

Decision: the style sheet goes into the file, so that a page needs nothing beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

HERE = Path(__file__).parent


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
    notices: Sequence[str] = (),
    **values: Any,
) -> str:
    """The HTML text of template `name`, by `stage`; `title` is the window's, where it is not the headline.

    `notices` stand above everything: what makes the numbers below doubtful, such as a training that diverged.

    Raises jinja2.UndefinedError for a value that the template wants and nobody gave.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([HERE, HERE.parent]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    frame = {"stage": stage, "eyebrow": eyebrow, "headline": headline, "lead": lead, "tiles": tiles, "title": title}
    css = (HERE / "page.css").read_text()
    return environment.get_template(name).render(css=css, notices=notices, **frame, **values)
