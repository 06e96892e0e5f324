"""Market-1501 to one folder of pictures and a checked table.

Decision: the JPEGs are the publisher's own bytes; nothing is decoded, so nothing can change on the way.
"""

from pathlib import Path

from sanreid import runtime
from sanreid.data import images, index, market1501
from sanreid.params import run


def main(raw: Path, out: Path) -> None:
    """Read `raw`, write `out`/{images/, truth/, index.parquet, summary.json}."""
    table, _ = market1501.read(raw)
    with runtime.atomic_folder(out) as work:
        (work / "truth").mkdir()
        images.copy_all(work, market1501.files(raw, table))
        index.write(table, work)
        summary = index.summary(table, distractor=market1501.DISTRACTOR)
        runtime.write_json(work / "summary.json", summary)
    runtime.log.info("%s: %d images of %d people", out, summary["images"], summary["people"])


if __name__ == "__main__":
    run(main)
