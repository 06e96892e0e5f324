"""The page: what the other modules of this folder make, in one self-contained HTML file.

Decisions: css, pictures and drawings are inlined and nothing is fetched, so that the file can be mailed; the template
decides how things look and this module what is said. A picture or a number always comes from a file of a stage.
"""

from pathlib import Path
from typing import Any, NamedTuple

from sanreid.reporting.run import results_section
from sanreid.reporting.shared import templates
from sanreid.reporting.shared.line_chart import dots
from sanreid.reporting.shared.number_format import cell, each_seed, percent
from sanreid.reporting.shared.results import MEASURES, Results
from sanreid.reporting.shared.results_table import PUBLISHED, TEXTURE
from sanreid.reporting.shared.results_text import CROSSED
from sanreid.reporting.shared.templates import Tile

LARGEST = 8e6  # bytes; a page above it is slow to open and to mail
REGIONS = {"": "all texels that exist", "_visible": "those that the picture shows", "_hidden": "those that it hides"}
SCORES = {"l1": ("L1", ".4f"), "psnr": ("PSNR", ".2f"), "ssim": ("SSIM", ".3f")}


class Table(NamedTuple):
    """Column names, and (row name, cells) pairs."""

    columns: list[str]
    rows: list[tuple[str, list[str]]]


def render(contents: dict[str, Any]) -> str:
    """The HTML text of what `page_contents.contents` gathered."""
    outcomes = contents["outcomes"]
    colours = results_section.kinds([o.result for o in outcomes])
    shown = contents | head(outcomes[0].result if outcomes else None)
    shown |= {"results": [results_section.article(outcome, contents["about"]) for outcome in outcomes]}
    shown |= {"measures": MEASURES, "colours": colours, "crossed_title": CROSSED, "columns": (TEXTURE, PUBLISHED)}
    ran = (Path(__file__).parent / "ran.js").read_text()
    return templates.render("run/page.html", **shown, cell=cell, dots=dots, each_seed=each_seed, ran=ran)


def head(result: Results | None) -> dict[str, Any]:
    """What headline, lead and tiles are of: the best variant, the strongest and the weakest floor."""
    best = result.best() if result else None
    if result is None or best is None:
        return {"best": None}
    spread = {m: percent(d) for m in ("rank1", "mAP") if (d := best.deviation(m)) is not None}
    floors = sorted(result.floors, key=lambda m: -m.mean("rank1"))
    tiles = [
        Tile(percent(best.mean(m)), f"{MEASURES[m]}, % · {best.label}", f"± {spread[m]}" if m in spread else "")
        for m in ("rank1", "mAP")
    ]
    tiles += [Tile(percent(f.mean("rank1")), f"rank-1, % · {f.label}") for f in floors[:1] + floors[1:][-1:]]
    return {"best": best, "tested": result.set, "tiles": tiles}


def texture_table(metrics: dict) -> Table | None:
    """Pseudo textures beside the mean texture, by region (rows) and measure; None where there is no truth."""
    if metrics.get("available") is False:
        return None
    sources = {"pseudo": metrics, "mean texture": metrics.get("mean_texture") or {}}
    columns = [
        (f"{title}, {name}", values, score, style)
        for score, (title, style) in SCORES.items()
        for name, values in sources.items()
        if isinstance(values.get(score), int | float)
    ]
    rows = [
        (words, [_score(values.get(score + region), style) for _, values, score, style in columns])
        for region, words in REGIONS.items()
    ]
    return Table([title for title, _, _, _ in columns], rows) if columns else None


def _score(value: object, style: str) -> str:
    return format(value, style) if isinstance(value, int | float) else "–"
