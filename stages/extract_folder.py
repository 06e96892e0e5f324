"""A user's own folder of pictures to a checked table; one instance an entry of `folders` in params.yaml.

Decision: the pictures are the user's own bytes; nothing is decoded, so nothing can change on the way.
"""

from pathlib import Path

from sanreid import runtime
from sanreid.data import folder as reader
from sanreid.data import images, index
from sanreid.params import run


def main(folder: Path, out: Path) -> None:
    """Read `folder`, write `out`/{its pictures, truth/, index.parquet, summary.json}."""
    table, files = reader.read(folder)
    with runtime.atomic_folder(out) as work:
        (work / "truth").mkdir()
        images.copy_all(work, files)
        index.write(table, work)
        summary = index.summary(table, distractor=reader.DISTRACTOR)
        runtime.write_json(work / "summary.json", summary)
    runtime.log.info("%s: %d images of %d people", out, summary["images"], summary["people"])


if __name__ == "__main__":
    run(main)
