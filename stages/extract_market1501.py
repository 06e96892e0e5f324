"""Market-1501 to a folder of pictures and a checked table.

Decision: the publisher's JPEGs are copied byte by byte, never encoded again; each is decoded once to check it.
"""

from pathlib import Path

from sanreid import runtime
from sanreid.data import images, index, ingest, market1501
from sanreid.params import Section, run


class Params(Section):
    """Section `extract_market1501`."""

    broken_pictures: images.Broken


def main(raw: Path, out: Path, p: Params) -> None:
    """Read `raw`, write `out`/{images/, truth/, index.parquet, summary.json}."""
    table, _ = market1501.read(raw)
    with runtime.atomic_folder(out) as work:
        (work / "truth").mkdir()
        files = market1501.files(raw, table)
        table, left = ingest.take(table, files, work, market1501.roots(raw), p.broken_pictures)
        index.write(table, work)
        summary = index.summary(table, distractor=market1501.DISTRACTOR) | left
        runtime.write_json(work / "summary.json", summary)
    runtime.log.info("%s: %d images of %d people", out, summary["images"], summary["people"])


if __name__ == "__main__":
    run(main)
