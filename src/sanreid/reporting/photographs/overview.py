"""The page of all sets of photographs that were measured here, and its cover; each set has a page of its own below.

Decision: it lists the folders that hold a page, so that a set measured by an earlier run stays and one that was removed
goes. The cover shows a set's own ranked lists: it lies where git does not look, as they do.
"""

from pathlib import Path

from sanreid import runtime
from sanreid.reporting.shared import templates
from sanreid.reporting.shared.pictures import load

COVER = "cover.jpg"  # menu.py looks for it


def write(folder: Path) -> list[str]:
    """`folder` (reports/photographs) gets index.html and cover.jpg; the names of the sets that it lists."""
    names = sorted(page.parent.name for page in folder.glob("*/index.html"))
    if not names:
        raise FileNotFoundError(f"{folder}: holds no set's page; `make photographs PHOTOGRAPHS=folder` makes one")
    sheets = sorted(folder.glob("*/**/ranked.jpg"))
    html = templates.render(
        "photographs/overview.html",
        stage="make photographs",
        place="photographs/index.html",
        eyebrow="photographs",
        headline="Networks of rendered people, on photographs",
        lead="A page each set of photographs that was measured here.",
        names=names,
    )
    if sheets:
        templates.cover(load(sheets[0]), folder / COVER)
    with runtime.atomic_file(folder / "index.html") as work:
        work.write_text(html, encoding="utf-8")
    return names
