"""The page that compares the re-ID systems: the table, then what the numbers look like, in one self-contained file.

Decisions: the looks are the main page's (page.css); pictures come from files that stages wrote, the grid of the data
set's people by camera from its table. Nothing is fetched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sanreid.data.images import read_rgb
from sanreid.evaluation.ranking import DISTRACTOR
from sanreid.reporting.shared import image_grids, templates
from sanreid.reporting.shared.pictures import Picture, draw, embed, load
from sanreid.reporting.systems import table
from sanreid.reporting.systems.table import MEASURES, PRICES, Row

LEAD = (
    "Every system was trained on a set's training people and ranks the same queries against the same gallery: images "
    "of other cameras, of people nobody trained on."
)


@dataclass(frozen=True)
class Alignment:
    """What only a system with stripes has: the picture of paths, where drawn, and a line of numbers each distance."""

    picture: Picture | None
    lines: list[list[str]]


@dataclass(frozen=True)
class Shown:
    """The pictures of a system on a set, and how its stripes align where it has some."""

    title: str
    ranked: Picture
    people: Picture
    alignment: Alignment | None


@dataclass(frozen=True)
class Part:
    """What the page shows of a set."""

    set: str
    rows: list[Row]
    grid: Picture
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


def shown(measured: Path, alignments: Path | None, row: Row, seeds: Sequence[int], quality: int) -> Shown:
    """The pictures that evaluate_system wrote for a system's run of the first seed.

    A system with stripes has draw_alignment's too; `alignments` is None where they are not drawn.
    """
    folder = measured / row.name / row.set / f"seed{seeds[0]}"
    ranked, people = (embed(load(folder / name), quality=quality) for name in ("ranked.jpg", "tsne.jpg"))
    lines = table.by_distance([measured / row.name / row.set / f"seed{k}" for k in seeds])
    if not lines:
        return Shown(row.label, ranked, people, None)
    paths = None if alignments is None else alignments / row.name / row.set / f"seed{seeds[0]}" / "alignment.png"
    picture = None if paths is None else embed(load(paths), quality=quality)
    return Shown(row.label, ranked, people, Alignment(picture, lines))


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
        distances=list(table.DISTANCES.values()),
        parts=parts,
        cells=table.cells,
        best={part.set: table.champion(part.rows) for part in parts},
        note=note,
        notices=notices,
    )
