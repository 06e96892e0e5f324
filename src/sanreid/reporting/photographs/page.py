"""The page of a set of photographs: tables by people and by way to rank, then each network's ranked lists,
where its feature looks, and its failures.

Decisions: sheets are folded, since a page has many; the first network's is open. The pictures on it are of real people:
it is for whoever has the set, and lies where git does not look. The overview lists the folders that hold a page, so
that a set measured by an earlier run stays and one that was removed goes.
"""

from collections.abc import Sequence
from pathlib import Path

from sanreid import runtime
from sanreid.reporting.photographs import seed_pairs
from sanreid.reporting.photographs.measure import SHEETS
from sanreid.reporting.photographs.table import COLUMNS, TITLES, Row
from sanreid.reporting.shared import failures, templates, verification
from sanreid.reporting.shared.pictures import embed, load

WIDTH = 1400  # px: the widest that a sheet of failures is shown
COVER = "cover.jpg"  # menu.py looks for it


def render(name: str, folder: Path, rows: Sequence[Row], pairs: Sequence[Sequence[str]] = (), quality: int = 85) -> str:
    """The HTML text for the set `name`, whose measurements lie below `folder`, and `pairs` as of seed_pairs.table.

    ValueError where there are no measurements.
    """
    if not rows:
        raise ValueError(f"{folder}: no measurement of these pictures")
    first = rows[0].metrics
    measured = first["parts"]
    ways = {way: title for way, title in TITLES.items() if any(way in row.metrics["parts"]["all"] for row in rows)}
    sheets = []
    for row in sorted(rows, key=lambda row: row.floor):
        found = {way: folder / row.folder / file for way, file in SHEETS.items()}
        drawn = [(TITLES[way], embed(load(file), quality=quality)) for way, file in found.items() if file.is_file()]
        sheets.append((row, drawn, failures.shown(folder / row.folder, WIDTH, quality)))
    floors = [row.label for row in rows if row.floor]
    return templates.render(
        "photographs/page.html",
        name=name,
        first=first,
        notices=[words for row in rows for words in row.metrics.get("warnings", [])],
        measured=measured,
        ways=ways,
        columns=COLUMNS,
        rows=rows,
        best={(p, w, m): _best(rows, p, w, m) for p in measured for w in ways for m in COLUMNS},
        verified=verification.section({row.label: [folder / row.folder] for row in rows}, floors),
        sheets=sheets,
        pairs=pairs,
        pairs_head=seed_pairs.HEAD,
        ladder=(folder / "ladder.html").is_file(),
    )


def _best(rows: Sequence[Row], part: str, way: str, measure: str) -> str:
    """The label of the row that is best at it; empty where none was measured."""
    found = [(row.metrics["parts"].get(part, {}).get(way, {}).get(measure, -1.0), row.label) for row in rows]
    value, label = max(found, key=lambda pair: pair[0])
    return label if value >= 0 else ""


def overview(folder: Path) -> list[str]:
    """`folder` (reports/photographs) gets index.html and cover.jpg; the names of the sets that it lists."""
    names = sorted(page.parent.name for page in folder.glob("*/index.html"))
    if not names:
        raise FileNotFoundError(f"{folder}: holds no set's page; `make photographs PHOTOGRAPHS=folder` makes one")
    if sheets := sorted(folder.glob("*/**/ranked.jpg")):
        templates.cover(load(sheets[0]), folder / COVER)
    with runtime.atomic_file(folder / "index.html") as work:
        work.write_text(templates.render("photographs/overview.html", names=names), encoding="utf-8")
    return names
