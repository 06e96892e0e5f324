"""The open world's page: digits seen, digits never trained on, people; tables, pictures of groups, maps.

Decisions: which divisions and sets are shown is read from sections `mnist` and `systems`, as in the graph, so that an
earlier run's results are not shown.
"""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import Field

from sanreid import runtime
from sanreid.bounds import Each, Seed, Text
from sanreid.data.digits import SEEN
from sanreid.evaluation.open_world import protocol, result_files
from sanreid.evaluation.open_world.result_files import Record
from sanreid.graph_params import Division
from sanreid.params import Section, run
from sanreid.reporting.digits import classifiers as digit_tables
from sanreid.reporting.open_world import maps, page, table
from sanreid.reporting.open_world.maps import Map
from sanreid.reporting.open_world.page import Setting
from sanreid.reporting.shared import notices, pictures, templates
from sanreid.reporting.systems.table import Systems

KINDS = {"features": "features as they are", "camera_mean_removed": "camera means removed"}  # folder -> its title


class MapSection(Section):
    """The maps of features and pixels."""

    divisions: Each[Division]
    sizes: Each[Annotated[int, Field(ge=2, le=10_000_000)]]
    steps: Annotated[int, Field(ge=250, le=1_000_000)]  # the first 250 iterations only spread the clusters
    seed: Seed


class Params(Section):
    """Section `report_open_world`."""

    shown: protocol.Shown
    pictured: Each[Division]
    look: page.Look
    maps: MapSection
    published: dict[Text, Annotated[list[Text], Field(min_length=2, max_length=2)]]
    note: Text


def main(
    interim: Path, digits: Path, people: Path, out: Path, p: Params, mnist: digit_tables.Runs, systems: Systems
) -> None:
    """`out` gets index.html, maps.html (the 3-D maps), table.csv, table.md, cover.jpg and the pictures.

    `interim` has the extracted sets; `digits` and `people` are the outputs of evaluate_open_world (a folder per
    division) and evaluate_open_world_people (a folder per set and seed).
    """
    shown = p.shown.rule, p.shown.link
    records = {name: result_files.load(digits / name / "embedding") for name in mnist.divisions}
    pixels = {name: result_files.load(digits / name / "pixels") for name in mnist.divisions}
    settings = [*of_digits(records, p.pictured), *of_digits(pixels, p.pictured, ", raw pixels")]
    drawn = [(setting, interim / "mnist", "digit", p.look.digit) for setting in settings]
    for name in systems.sets:
        drawn += [(setting, interim / name, "person", p.look.person) for setting in of_people(people, name, systems)]
    if not drawn:
        raise ValueError("mnist.divisions and systems.sets are both empty: there is nothing to report")
    runs = [digits / name for name in mnist.divisions]
    runs += [people / name / f"seed{k}" for name in systems.sets for k in systems.seeds]
    with runtime.atomic_folder(out) as work:
        parts = [
            page.part(setting, shown, partial(opened, folder), word, height, p.look, work)
            for setting, folder, word, height in drawn
        ]
        with Image.open(work / f"counts_{drawn[0][0].key}.png") as counts:
            templates.cover(counts, work / "cover.jpg")
        shown_maps = {name: records[name] for name in p.maps.divisions if name in records}
        flat = {name: projected(name, found, interim / "mnist", p.maps, 2) for name, found in shown_maps.items()}
        pictured = []
        for name, rows in flat.items():
            image = Image.fromarray(maps.flat(rows, "digit"))
            image.save(work / f"map_{name}.png", optimize=True)
            pictured.append((f"division {name}", pictures.embed(image, quality=p.look.quality)))
        if flat:
            deep = [
                row
                for name, found in shown_maps.items()
                for row in projected(name, found, interim / "mnist", p.maps, 3)
            ]
            (work / "maps.html").write_text(maps.turnable(deep, "digit", "Streams of digits"))
        published = table.published(p.published)
        text = page.markdown(parts, published)
        (work / "table.md").write_text(text)
        tables = [part["summary"].reset_index().assign(setting=part["setting"].title) for part in parts]
        pd.concat(tables, ignore_index=True).to_csv(work / "table.csv", index=False, float_format="%.6g")
        (work / "index.html").write_text(
            page.render(parts, pictured, shown, published, p.note, notices.of_evaluations(runs))
        )
    sys.stdout.write(text)


def of_digits(records: dict[str, Record], pictured: list[str], kind: str = "") -> Iterator[Setting]:
    """The digits seen in training, then the digits never trained on; divisions without results are left out.

    `kind` is added to the titles: "" for the network's features, ", raw pixels" for pixels.
    """
    named = [f"division {name}{kind}" for name in pictured]
    key = kind.replace(", ", "-").replace(" ", "-")
    if SEEN in records:
        words = "Trained on all ten digits. Other images of them calibrate; the stream is the test files."
        own = {f"division {SEEN}{kind}": records[SEEN]}
        yield _setting(f"seen{key}", f"Digits seen in training{kind}", words, own, named)
    if unseen := {f"division {name}{kind}": found for name, found in records.items() if name != SEEN}:
        words = (
            "Trained on four digits, calibrated on two others and what is made of them, to find the remaining four. "
            "A division (d0, d1, ...) is one way to deal the ten digits out."
        )
        yield _setting(f"unseen{key}", f"Digits never trained on{kind}", words, unseen, named)


def _setting(key: str, title: str, words: str, records: dict[str, Record], named: list[str]) -> Setting:
    return Setting(key, title, words, records, [name for name in records if name in named])


def of_people(folder: Path, name: str, systems: Systems) -> Iterator[Setting]:
    """The people of a set: by the features as they are, and with each camera's mean removed."""
    words = "A re-ID system's features of people it was not trained on; some of them calibrate, the others walk by."
    for kind, told in KINDS.items():
        found = {
            f"{name}, {told}, seed {k}": result_files.load(folder / name / f"seed{k}" / kind) for k in systems.seeds
        }
        yield Setting(f"{name}-{kind}", f"People: {name}, {told}", words, found, list(found)[:1])


def opened(folder: Path, path: str) -> Image.Image:
    """An image of a set, by the path in its table."""
    return pictures.load(folder / path)


def projected(name: str, found: Record, folder: Path, p: MapSection, dimensions: int) -> list[list[Map]]:
    """Maps of a division's stream: one row per size, with the features first and then the raw pixels."""
    order = runtime.rng(p.seed, "maps", name).permutation(len(found.stream))
    rows = []
    for size in sorted({min(size, len(order)) for size in p.sizes} | {len(order)}):
        chosen = np.sort(order[:size])
        stream = found.stream.iloc[chosen.tolist()]
        pixels = np.stack([np.asarray(pictures.load(folder / path, "L"), np.float32) for path in stream["path"]]) / 255
        kinds = {f"division {name}, features": found.features[chosen], "raw pixels": pixels}
        classes = stream["class"].to_numpy("int64")
        rows.append(
            [
                Map(f"{kind}, {size:,} images", maps.project(x, dimensions, p.seed, p.steps), classes)
                for kind, x in kinds.items()
            ]
        )
    return rows


if __name__ == "__main__":
    run(main)
