"""The digits' page: the table of their classifiers, and what each mistakes for what.

Decision: the drawing is the one that the stage writes beside the page, so that both say the same.
"""

from collections.abc import Mapping, Sequence

from sanreid.reporting.digits.classifiers import PUBLISHED_NOTE, Row, cells
from sanreid.reporting.shared import templates
from sanreid.reporting.shared.number_format import percent
from sanreid.reporting.shared.templates import Tile


def render(rows: Sequence[Row], published: Mapping[str, float], confusion: str, notices: Sequence[str]) -> str:
    """The HTML text; `confusion` is an SVG, `published` label -> percent; ValueError for no rows."""
    if not rows:
        raise ValueError("the digits' page needs a classifier")
    best = max(rows, key=lambda row: row.right / row.tested)
    return templates.render(
        "digits/page.html",
        stage="evaluate_mnist_classifiers",
        place="mnist/classifiers/index.html",
        eyebrow="digits",
        title="digits",
        headline=f"{percent(best.right / best.tested)} % of the digits are told right",
        lead=f"By {best.name}, on {best.tested:,} handwritten digits that it was not trained on; {best.trained:,} were "
        "there to learn from.",
        tiles=[Tile(percent(row.right / row.tested), f"accuracy, % · {row.name}") for row in rows],
        rows=[(row.name, cells(row)) for row in rows],
        best=best.name,
        published=published,
        confusion=confusion,
        note=PUBLISHED_NOTE,
        notices=notices,
    )
