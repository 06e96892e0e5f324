"""One table of all re-ID systems on all sets, as CSV, Markdown and a page with pictures.

Decisions: which rows there are is read from sections `systems` and `experiment`, as in the graph, so that results of an
earlier run that are still in the folders are not shown. Published numbers are parameters; their labels name the source.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from sanreid import runtime
from sanreid.bounds import InPicture, Name, Quality, Seed, Text
from sanreid.data import index
from sanreid.params import Section, run
from sanreid.reporting.shared import notices, pictures, templates
from sanreid.reporting.systems import page, table


class Params(Section):
    """Section `compare_systems`."""

    labels: dict[Name, Text]
    published: table.Published
    note: Text
    people: InPicture
    quality: Quality
    seed: Seed


def main(
    interim: Path,
    measured: Path,
    alignments: Path,
    main_chain: Path,
    out: Path,
    p: Params,
    systems: table.Systems,
    experiment: table.Experiment,
) -> None:
    """`out` gets table.csv, table.md, index.html, cover.jpg and grid_<set>.jpg; the table is printed too."""
    rows = table.collect(systems, experiment, measured, main_chain, p.labels)
    rows += table.published(p.published, systems.sets)
    with runtime.atomic_folder(out) as work:
        parts = []
        for name in systems.sets:
            own = [row for row in rows if row.set == name]
            grid = Image.fromarray(np.asarray(page.grid(interim / name, index.read(interim / name), p.people, p.seed)))
            if not parts:
                templates.cover(grid, work / "cover.jpg")
            grid.save(work / f"grid_{name}.jpg", quality=p.quality, optimize=True)
            drawn = {n: alignments / n / name / f"seed{systems.seeds[0]}" for n in systems.alignments}
            parts.append(page.part(name, own, pictures.embed(grid, quality=p.quality), drawn, p.quality))
        ordered = [row for part in parts for row in part["rows"]]
        text = table.markdown(ordered)
        table.frame(ordered).to_csv(work / "table.csv", index=False, float_format="%.6g")
        (work / "table.md").write_text(text)
        told = notices.of_evaluations(folder for row in rows if row.kind == "here" for folder in row.folders)
        (work / "index.html").write_text(page.render(parts, p.note, told))
    print(text, end="")


if __name__ == "__main__":
    run(main)
