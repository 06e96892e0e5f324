"""The page of a set of photographs: tables by people and by way to rank, then each network's ranked lists.

Decision: sheets are folded, since a page has many; the first network's is open. The pictures on it are of real people:
it is for whoever has the set, and lies where git does not look.
"""

from collections.abc import Sequence
from pathlib import Path

from sanreid.reporting.photographs import seed_pairs
from sanreid.reporting.photographs.measure import SHEETS
from sanreid.reporting.photographs.table import COLUMNS, TITLES, Row
from sanreid.reporting.shared import templates, verification
from sanreid.reporting.shared.pictures import embed, load

PEOPLE = {
    "all": ("Everybody", "All queries against all of the gallery."),
    "odd": ("People of odd number", "A set of its own, gallery and camera means too: parameters are chosen here."),
    "even": ("People of even number", "The others, whom no choice of parameters has looked at."),
}
LEAD = (
    "Zero-shot: nobody and no camera of this set was seen in training. Features have unit length and are compared by "
    "the cosine; pictures of the query's own person and camera do not count."
)


def render(name: str, folder: Path, rows: Sequence[Row], pairs: Sequence[Sequence[str]] = (), quality: int = 85) -> str:
    """The HTML text for the set `name`, whose measurements lie below `folder`, and `pairs` as of seed_pairs.table.

    ValueError where there are no measurements.
    """
    if not rows:
        raise ValueError(f"{folder}: no measurement of these pictures")
    first = rows[0].metrics
    measured = {
        part: (title, f"{words} {first['parts'][part]['plain']['queries']} queries have somebody to be found.")
        for part, (title, words) in PEOPLE.items()
        if part in first["parts"]
    }
    ways = {way: title for way, title in TITLES.items() if any(way in row.metrics["parts"]["all"] for row in rows)}
    sheets = []
    for row in [*(r for r in rows if not r.floor), *(r for r in rows if r.floor)]:
        found = {way: folder / row.folder / file for way, file in SHEETS.items()}
        drawn = [(TITLES[way], embed(load(file), quality=quality)) for way, file in found.items() if file.is_file()]
        sheets.append((row, drawn))
    return templates.render(
        "photographs/page.html",
        stage="make photographs",
        place=f"photographs/{name}/index.html",
        eyebrow="photographs",
        headline=f"People in photographs: {name}",
        lead=LEAD,
        tiles=[
            templates.Tile(str(first["people"]), "people searched for"),
            templates.Tile(str(first["queries"]), "queries"),
            templates.Tile(f"{first['gallery']:,}", "gallery pictures"),
            templates.Tile(str(first["cameras"] or "not known"), "cameras"),
        ],
        notices=[words for row in rows for words in row.metrics.get("warnings", [])],
        people=measured,
        ways=ways,
        columns=COLUMNS,
        rows=rows,
        best={(p, w, m): _best(rows, p, w, m) for p in measured for w in ways for m in COLUMNS},
        verified=verification.section(
            {row.label: [folder / row.folder] for row in rows}, floors=[row.label for row in rows if row.floor]
        ),
        sheets=sheets,
        pairs=pairs,
        pairs_head=seed_pairs.HEAD,
        ladder=(folder / "ladder.html").is_file(),
        draws=first["settings"]["draws"],
        settings=first["settings"],
    )


def _best(rows: Sequence[Row], part: str, way: str, measure: str) -> str:
    """The label of the row that is best at it; empty where none was measured."""
    found = [(row.metrics["parts"].get(part, {}).get(way, {}).get(measure, -1.0), row.label) for row in rows]
    value, label = max(found, key=lambda pair: pair[0])
    return label if value >= 0 else ""
