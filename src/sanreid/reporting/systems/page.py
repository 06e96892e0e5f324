"""The page that compares the re-ID systems: the table, then what the numbers look like, in one self-contained file.

Decisions: the looks are the main page's (page.css); pictures come from files that stages wrote, the grid of the data
set's people by camera from its table. Nothing is fetched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sanreid.data.images import read_rgb
from sanreid.evaluation.ranking import DISTRACTOR
from sanreid.reporting.shared import failures, image_grids, templates, verification
from sanreid.reporting.shared.pictures import Picture, draw, embed, load
from sanreid.reporting.systems import table
from sanreid.reporting.systems.table import MEASURES, PRICES, Row

LEAD = (
    "Every system was trained on a set's training people and ranks the same queries against the same gallery: images "
    "of other cameras, of people nobody trained on."
)
TITLES = {
    "here": "",
    "main chain": "the main chain's variants (from scratch, or from SAN-PG)",
    "published": "published, on the real data: not comparable with the rows above unless those are of it too",
}
WIDTH = 1400  # px: the widest that a sheet is shown


@dataclass(frozen=True)
class Shown:
    """The pictures of a system on a set; of one with stripes a line of numbers each distance, and how they align."""

    title: str
    ranked: Picture
    people: Picture
    folds: failures.Shown
    distances: list[list[str]]
    alignment: Picture | None


@dataclass(frozen=True)
class Part:
    """What the page shows of a set."""

    set: str
    rows: list[Row]
    grid: Picture
    verified: verification.Section | None
    systems: list[Shown]


def grid(folder: Path, images: pd.DataFrame, people: int, seed: int) -> image_grids.Picture:
    """Images of a few people of an index table, a row each, a column a camera; those whom most cameras saw are drawn.

    A cell is empty where a camera has no image of the person. Without cameras the columns are a person's first images.
    """
    known = images[images["pid"] != DISTRACTOR].copy()
    if known["camid"].isna().all():
        known["camid"] = (known.groupby("pid").cumcount() + 1).astype("Int64")
        known = known[known["camid"] <= 6]
    cameras = sorted(known["camid"].unique())
    seen = known.groupby("pid")["camid"].nunique()
    pids = draw(sorted(seen[seen >= seen.nlargest(people).min()].index), people, seed, "grid")
    first = known.drop_duplicates(["pid", "camid"]).set_index(["pid", "camid"])["path"]
    cells = [[read_rgb(folder / first[p, c]) if (p, c) in first.index else None for c in cameras] for p in pids]
    return image_grids.people_by_camera(cells, [f"person {p}" for p in pids], [f"camera {c}" for c in cameras])


def part(name: str, rows: list[Row], drawn: Picture, alignments: Mapping[str, Path], quality: int) -> Part:
    """The rows of the set `name`, the grid `drawn` of its people, and what was measured here.

    `alignments` has the folders of draw_alignment, by the names of the systems whose stripes were drawn.
    """
    verified = verification.section({row.label: row.folders for row in rows if row.folders})
    systems = [shown(row, alignments.get(row.name), quality) for row in rows if row.kind == "here"]
    return Part(name, rows, drawn, verified, systems)


def shown(row: Row, alignments: Path | None, quality: int) -> Shown:
    """The pictures that evaluate_system wrote for a system's run of the first seed, and draw_alignment where it ran."""
    first = row.folders[0]
    ranked, people = (embed(load(first / name), quality=quality) for name in ("ranked.jpg", "tsne.jpg"))
    lines = table.by_distance(row.folders)
    paths = embed(load(alignments / "alignment.png"), quality=quality) if lines and alignments else None
    return Shown(row.label, ranked, people, failures.shown(first, WIDTH, quality), lines, paths)


def render(parts: Sequence[Part], note: str, notices: Sequence[str] = ()) -> str:
    """The HTML text; `note` says what the published rows are, `notices` what the trainings warned of."""
    return templates.render(
        "systems/page.html",
        stage="compare_systems",
        place="comparison/index.html",
        eyebrow="the systems compared",
        headline="Re-identification systems on the same people",
        lead=LEAD,
        columns=[*MEASURES.values(), *PRICES.values()],
        distances=["by distance", *table.DISTANCES.values()],
        parts=parts,
        cells=table.cells,
        best={part.set: table.champion(part.rows) for part in parts},
        titles=TITLES,
        note=note,
        notices=notices,
    )
