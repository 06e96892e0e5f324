"""CUHK03 to a folder of PNGs and a checked table, under the new protocol; instances: labeled, detected.

Decision: the split is made here only, so that no later stage can use test people by mistake while parameters are being
chosen (`holdout: validation`). The .mat is read once; a run that was killed continues after its last image.
"""

from pathlib import Path
from typing import Literal

from sanreid import runtime
from sanreid.bounds import Count, Seed
from sanreid.data import cuhk03, images, index
from sanreid.params import Section, run


class Params(Section):
    """Section `extract_cuhk03`."""

    holdout: Literal["test", "validation"]
    validation_people: Count
    seed: Seed


def main(raw: Path, boxes: str, out: Path, p: Params) -> None:
    """Read `raw`, write `out`/{images/, truth/, index.parquet, summary.json}; `boxes` is labeled or detected."""
    files = cuhk03.sources(raw, boxes)
    work = runtime.partial(out, boxes, p, files=files)
    table, pictures = cuhk03.read(raw, boxes, p.holdout, p.validation_people, p.seed, runtime.holds(work))
    with runtime.resumable_folder(out, work):
        images.write_all(work, runtime.progress(pictures, len(table), out.name))
        (work / "truth").mkdir(exist_ok=True)
        images.copy_all(work, cuhk03.truth(raw, boxes, table), roots=[raw])
        index.write(table, work)
        summary = {"boxes": boxes, "holdout": p.holdout} | index.summary(table)
        runtime.write_json(work / "summary.json", summary)
    runtime.log.info("%s: %d images of %d people", out, summary["images"], summary["people"])


if __name__ == "__main__":
    run(main)
