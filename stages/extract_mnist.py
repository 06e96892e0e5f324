"""MNIST's IDX files to a folder of PNGs for each split and digit, and a checked table.

Decision: the pictures keep one grey channel, as published; reading one as RGB gives three equal channels.
"""

from pathlib import Path

from sanreid import runtime
from sanreid.data import images, index, mnist
from sanreid.params import run


def main(raw: Path, out: Path) -> None:
    """Read `raw`, write `out`/{images/<split>/<digit>/, truth/, index.parquet, summary.json}."""
    table, pictures = mnist.read_grey(raw)
    with runtime.atomic_folder(out) as work:
        images.write_all(work, pictures)
        (work / "truth").mkdir()
        index.write(table, work)
        digits = {
            split: {
                str(digit): int(count) for digit, count in rows["pid"].value_counts(sort=False).sort_index().items()
            }
            for split, rows in table.groupby("split", sort=False)
        }
        summary = index.summary(table) | {"images_by_digit": digits}
        runtime.write_json(work / "summary.json", summary)
    runtime.log.info("%s: %d images of %d digits", out, summary["images"], summary["people"])


if __name__ == "__main__":
    run(main)
