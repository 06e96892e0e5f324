"""PIT's images and textures (and, of a rendered PIT, frontal pictures and visibility maps) in one folder, paired by one
checked table.

Decision: the pairing is made here only; no later stage derives a texture's path from an image's name.
"""

from pathlib import Path

from sanreid import runtime
from sanreid.bounds import Count, Text
from sanreid.data import images, index, ingest, pit
from sanreid.params import Section, run


class Params(Section):
    """Section `pair_pit`."""

    label_pattern: Text
    images_per_texture: Count
    validation_people: Count
    broken_pictures: images.Broken


def main(raw: Path, out: Path, p: Params) -> None:
    """Read `raw`, write `out`/{images/, textures/, frontal/, visibility/, truth/, index.parquet, summary.json}."""
    table, _ = pit.read(raw, p.label_pattern, p.images_per_texture, p.validation_people, p.broken_pictures)
    with runtime.atomic_folder(out) as work:
        (work / "truth").mkdir()
        files = pit.files(raw, p.label_pattern, p.images_per_texture, p.broken_pictures)
        table, left = ingest.take(table, files, work, [raw], p.broken_pictures)
        index.write(table, work)
        extras = {name: int(table[name].nunique()) for name in index.FILE_COLUMNS}
        summary = index.summary(table) | {"files": extras} | left
        runtime.write_json(work / "summary.json", summary)
    runtime.log.info("%s: %d images of %d people", out, summary["images"], summary["people"])


if __name__ == "__main__":
    run(main)
