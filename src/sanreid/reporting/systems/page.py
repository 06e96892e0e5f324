"""The page that compares the re-ID systems: the table, then what the numbers look like, in one self-contained file.

Decisions: the looks are the main page's (page.css); pictures come from files that stages wrote, the grid of the data
set's people by camera from its table. Nothing is fetched.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sanreid.data.images import read_rgb
from sanreid.evaluation.ranking import DISTRACTOR
from sanreid.reporting.shared import failures, image_grids, templates, verification
from sanreid.reporting.shared.pictures import Picture, draw, embed, load
from sanreid.reporting.systems import table
from sanreid.reporting.systems.table import MEASURES, PRICES, Row

WIDTH = 1400  # px: the widest that a sheet is shown


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


def part(name: str, rows: list[Row], drawn: Picture, alignments: Mapping[str, Path], quality: int) -> dict[str, Any]:
    """What the page shows of the set `name`: its rows, the grid `drawn` of its people, and what was measured here.

    `alignments` has the folders of draw_alignment, by the names of the systems whose stripes were drawn.
    """
    return {
        "set": name,
        "rows": rows,
        "best": table.champion(rows),
        "grid": drawn,
        "verified": verification.section({row.label: row.folders for row in rows if row.folders}),
        "systems": [shown(row, alignments.get(row.name), quality) for row in rows if row.kind == "here"],
    }


def shown(row: Row, alignments: Path | None, quality: int) -> dict[str, Any]:
    """The pictures that evaluate_system wrote for a system's run of the first seed, and draw_alignment where it ran.

    Of a system with stripes, `distances` has a line of numbers each distance, and `alignment` how they align.
    """
    first, lines = row.folders[0], table.by_distance(row.folders)
    files = {"ranked": first / "ranked.jpg", "people": first / "tsne.jpg"}
    files |= {"alignment": alignments / "alignment.png"} if lines and alignments else {}
    drawn: dict[str, Any] = {name: embed(load(file), quality=quality) for name, file in files.items()}
    folds = failures.shown(first, WIDTH, quality)
    return {"title": row.label, "folds": folds, "distances": lines, "alignment": None} | drawn


def render(parts: Sequence[dict[str, Any]], note: str, notices: Sequence[str] = ()) -> str:
    """The HTML text; `note` says what the published rows are, `notices` what the trainings warned of."""
    told = {"columns": [*MEASURES.values(), *PRICES.values()], "cells": table.cells, "parts": parts, "note": note}
    distances = ["by distance", *table.DISTANCES.values()]
    return templates.render("systems/page.html", **told, distances=distances, notices=notices)
