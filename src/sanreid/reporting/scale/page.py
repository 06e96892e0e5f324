"""The page of a run against the clock: Table 1, what each stage took, and what was left out and why.

Decisions: the page is made of the run's JSON and the table's own numbers, so that both say the same. A stage's time
stands as a bar on one axis of all of them: where the GPU waited is seen before it is read. What was not measured says
so and is never 0.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sanreid.reporting.scale import table
from sanreid.reporting.shared import results_table, templates
from sanreid.reporting.shared.number_format import cell, difference, shows
from sanreid.reporting.shared.results_table import Outcome
from sanreid.reporting.shared.results_text import PAIRED, sentence
from sanreid.reporting.shared.templates import Tile

UNKNOWN = "not measured"
HEADLINE = ("baseline_syn", "san")  # the pair of the tiles


def render(record: Mapping[str, Any], outcomes: Sequence[Outcome]) -> str:
    """The HTML text of the run that `record` (the JSON) describes, with the `outcomes` of its sets."""
    axis = max(record["limit_seconds"], record["seconds"], 1e-9)
    ran = sorted((s for s in record["stages"] if s["began"] is not None), key=lambda s: s["began"])
    return templates.render(
        "scale/page.html",
        lead=" ".join(table.answer(o.headline) for o in outcomes) or table.NOTHING,
        tiles=tiles(record, outcomes),
        outcomes=outcomes,
        layout=results_table.board,
        caption=results_table.caption,
        sentence=sentence,
        intervals=table.intervals,
        difference=difference,
        shows=shows,
        clock=clock,
        paired=PAIRED,
        lines=[s | bar(s, axis) for s in ran],
        speed=speed,
        number=number,
        ticks=[(100 * minute * 60 / axis, minute) for minute in range(int(axis // 60) + 1)],
        end=100 * record["limit_seconds"] / axis,
        record=record,
    )


def tiles(record: Mapping[str, Any], outcomes: Sequence[Outcome]) -> list[Tile]:
    """Time, the texture training's speed, the GPU's use, and the headline's pair."""
    found = [Tile(clock(record["seconds"]), f"of {clock(record['limit_seconds'])} used")]
    speeds = {s["name"]: s["images_a_second"] for s in record["stages"] if s["run"] and s["images_a_second"]}
    for variant in HEADLINE:
        of = [v for k, v in speeds.items() if k.startswith("train_san@") and f"-{variant}-" in k]
        if of:
            found.append(Tile(speed(of[0]), f"images/s, training {variant}"))
    use = record["gpu_percent"]
    found.append(Tile("–", f"GPU busy: {UNKNOWN}") if use is None else Tile(f"{use:.0f} %", "GPU busy, the whole run"))
    for outcome in outcomes[:1]:
        for variant in HEADLINE:
            if method := outcome.result.method(variant):
                value, _, spread = cell(method, "mAP").partition(" ± ")
                found.append(Tile(value, f"mAP of {variant}", f"± {spread}" if spread else ""))
    return found


def bar(stage: Mapping[str, Any], axis: float) -> dict[str, float]:
    """Where the bar of a stage that ran begins, and how wide it is, in percent of the axis."""
    seconds = stage["seconds"] if stage["seconds"] is not None else max(0.0, axis - stage["began"])
    return {"left": 100 * stage["began"] / axis, "width": max(100 * seconds / axis, 0.25)}


def speed(images: float | None) -> str:
    """Images a second, '1,234' or '2.9'; '' where there is none."""
    return "" if images is None else f"{images:,.0f}" if images >= 10 else f"{images:.2g}"


def number(value: float | None, form: str) -> str:
    """A number in its form, or that there is none."""
    return UNKNOWN if value is None else form.format(value)


def clock(seconds: float) -> str:
    """'8 min 04 s', or '12 s'."""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60:02} s" if whole >= 60 else f"{whole} s"
