"""A user's own folder of pictures to a checked table; one instance per entry of `folders` in params.yaml.

Decision: the pictures are copied byte by byte, never encoded again; each is decoded once to check it.
"""

from pathlib import Path

from sanreid import runtime
from sanreid.data import folder as reader
from sanreid.data import images, index, ingest
from sanreid.params import Section, run


class Params(Section):
    """Section `extract_folder`."""

    broken_pictures: images.Broken


def main(folder: Path, out: Path, p: Params) -> None:
    """Read `folder`, write `out`/{its pictures, truth/, index.parquet, summary.json}."""
    table, files = reader.read(folder, p.broken_pictures)
    with runtime.atomic_folder(out) as work:
        (work / "truth").mkdir()
        table, left = ingest.take(table, files, work, [folder], p.broken_pictures, reader.rows(folder))
        index.write(table, work)
        summary = index.summary(table, distractor=reader.DISTRACTOR) | left
        runtime.write_json(work / "summary.json", summary)
    runtime.log.info("%s: %d images of %d people", out, summary["images"], summary["people"])


if __name__ == "__main__":
    run(main)
