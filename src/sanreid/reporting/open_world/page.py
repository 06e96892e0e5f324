"""The open world's page: settings with their tables and pictures, then maps, in one self-contained file.

Decisions: the looks are the main page's (page.css). A setting is a list of records, pooled: the digits seen, the
divisions of digits never trained on, a set's people by each kind of features.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sanreid.bounds import InPicture, Pixels, Quality
from sanreid.evaluation.open_world import protocol
from sanreid.evaluation.open_world.result_files import Record
from sanreid.params import Section
from sanreid.reporting.open_world import figures, table
from sanreid.reporting.open_world.table import Row
from sanreid.reporting.shared import templates
from sanreid.reporting.shared.pictures import Picture, embed
from sanreid.reporting.shared.templates import Tile

SEEN = "seen"  # the setting beside which the published numbers stand


class Look(Section):
    """The pictures of found groups, and how pictures are embedded."""

    groups: InPicture
    images: InPicture
    digit: Pixels
    person: Pixels
    quality: Quality


class Setting(NamedTuple):
    """Records that are told together: key of the page, title, an introduction, and which of them are pictured."""

    key: str
    title: str
    words: str
    records: dict[str, Record]
    pictured: list[str]


def part(
    setting: Setting,
    shown: tuple[str, str],
    read: Callable[[str], Image.Image],
    word: str,
    height: int,
    look: Look,
    out: Path,
) -> dict[str, Any]:
    """What the page shows of a setting, tables and pictures; the pictures are written into the folder `out` as well.

    `read` opens an image of its streams, `word` names what a class is, `height` is that of its images in px.
    """

    def kept(name: str, drawn: NDArray[np.uint8]) -> Picture:
        image = Image.fromarray(drawn)
        image.save(out / f"{name.replace(' ', '_').replace(',', '')}.png", optimize=True)
        return embed(image, quality=look.quality)

    pooled = table.pool([record.runs for record in setting.records.values()])
    summary = table.frame(pooled)
    pictured = []
    for name in setting.pictured:
        record = setting.records[name]
        drawn = figures.groups(record.stream, read, word, look.groups, look.images, height)
        distances = figures.distances(record.sequences, record.calibrated)
        pictured.append(
            {
                "title": name,
                "distances": kept(f"distances {name}", distances),
                "groups": kept(f"groups {name}", drawn),
            }
        )
    if (*shown, table.MENDED, table.ALL) not in summary.index:
        raise ValueError(f"report_open_world.shown: no run of '{shown[0]}' by '{shown[1]}' in {setting.title}")
    orders, records = pooled["order"].nunique(), len(setting.records)
    return {
        "setting": setting,
        "runs": f"{orders} random orders" + (f" of each of {records} divisions" if records > 1 else ""),
        "summary": summary,
        "mended": table.by_rule(summary, table.MENDED, shown),
        "plain": table.by_rule(summary, protocol.REMEDIES[0], shown),
        "lengths": table.by_length(summary, shown),
        "counts": kept(f"counts {setting.key}", figures.counts(pooled, shown[1])),
        "pictured": pictured,
    }


def tile(made: dict[str, Any], shown: tuple[str, str]) -> Tile:
    """Groups found of how many classes, over all images, by the shown rule after the last remedy."""
    line = made["summary"].xs((*shown, table.MENDED, table.ALL))
    words = f"{made['setting'].title}: groups found, {100 * line['accuracy']:.0f} % of the images right"
    return Tile(f"{line['found']:.1f}", words, f"of {line['classes']:g}")


def markdown(parts: Sequence[dict[str, Any]], published: Sequence[Row]) -> str:
    """The tables in Markdown, two a setting."""
    text = []
    for one in parts:
        text.append(f"**{one['setting'].title}**, all images, {one['runs']}, after merging and the second pass")
        rows = [*one["mended"], *(published if one["setting"].key == SEEN else [])]
        text.append(table.markdown(rows, ("rule", "nearest by")))
        text.append(table.markdown(one["lengths"], ("images", "remedy")))
    return "\n\n".join(text)


def render(
    parts: Sequence[dict[str, Any]],
    maps: Sequence[tuple[str, Picture]],
    shown: tuple[str, str],
    published: Sequence[Row],
    note: str,
    notices: Sequence[str] = (),
) -> str:
    """The HTML text; `maps` are flat ones under their titles.

    `note` says what the published rows are, `notices` what the trainings warned of.
    """
    told = {"head": table.HEAD, "parts": parts, "maps": maps, "shown": shown, "note": note, "notices": notices}
    tiles = [tile(part, shown) for part in parts]
    return templates.render("open_world/page.html", **told, tiles=tiles, published={SEEN: list(published)})
