"""CUHK03 to a folder of PNGs and a checked table, for one test set of the classic protocol; one instance per test set.

Decision: each split becomes a data set of its own (cuhk03_classic_1, ...), and is trained and measured like any other.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from sanreid import runtime
from sanreid.bounds import Each
from sanreid.data import cuhk03, cuhk03_classic, images, index
from sanreid.params import Section, run


class Params(Section):
    """Section `extract_cuhk03_classic`; `splits` makes the instances in dvc.yaml."""

    splits: Each[Annotated[int, Field(ge=1, le=1000)]]
    boxes: Literal["labeled", "detected"]


def main(raw: Path, split: int, out: Path, p: Params) -> None:
    """Read `raw`, write `out`/{images/, truth/, index.parquet, summary.json}; `split` counts from 1."""
    work = runtime.partial(out, p.boxes, split, files=[cuhk03.find(raw) / cuhk03.MAT])
    table, pictures = cuhk03_classic.read(raw, p.boxes, split, runtime.holds(work))
    with runtime.resumable_folder(out, work):
        images.write_all(work, runtime.progress(pictures, len(table), out.name))
        (work / "truth").mkdir(exist_ok=True)
        images.copy_all(work, cuhk03.truth(raw, p.boxes, table), roots=[raw])
        index.write(table, work)
        told = {"boxes": p.boxes, "split": split, "protocol": index.SINGLE_GALLERY_SHOT}
        summary = told | index.summary(table)
        runtime.write_json(work / "summary.json", summary)
    runtime.log.info("%s: %d images of %d people", out, summary["images"], summary["people"])


if __name__ == "__main__":
    run(main)
