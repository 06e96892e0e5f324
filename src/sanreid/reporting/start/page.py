"""The start page: a card a page of the project, with the picture that lies beside it, or with what makes it.

Decision: nothing on it was measured; the pages that it leads to are looked for when it is opened (shared/menu.py).
"""

from sanreid.reporting.shared import menu, templates

LEAD = (
    "A pipeline from the publishers' downloads to the number in the table: who is on a picture, told by the texture of "
    "the clothes (SAN, Jin et al. 2020), beside other systems, attributes, digits, and streams without labels."
)


def render(stage: str) -> str:
    """The HTML text."""
    return templates.render(
        "start/page.html",
        stage=stage,
        place=menu.START,
        eyebrow="start",
        title="all pages",
        headline="Person re-identification, from raw data to the result",
        lead=LEAD,
    )
