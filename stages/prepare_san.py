"""The inputs of a variant's training in one folder: the targets of its decoder, and its starting weights.

Decision: train_san depends on this folder and the data set only. DVC does not rerun what follows a stage whose output
is unchanged, so a change of SAN-PG retrains only the variants that start from it or learn its textures.
"""

import shutil
from pathlib import Path

from sanreid import runtime
from sanreid.data import index
from sanreid.params import run
from sanreid.pseudo_textures import decoder_targets
from sanreid.training import checkpoint
from sanreid.training.san import Plan


def main(images: Path, textures: Path, san_pg: Path, variant: str, out: Path, train_san: Plan) -> None:
    """`textures` and `san_pg` have a folder per generator; `out` gets the targets, their table and mirror map, and the
    starting weights (weights.safetensors, and the load_report.json of the training that made them).
    """
    v = train_san.variant(variant)
    rows = index.read(images)
    with runtime.atomic_folder(out) as work:
        decoder_targets.prepare(v.reconstruct, rows[rows["split"].isin(["train", "query"])], images, textures, work)
        if v.initialise != "scratch":
            file = san_pg / ("frontal" if v.reconstruct == "frontal" else "texture") / checkpoint.WEIGHTS
            if not file.is_file():
                raise FileNotFoundError(f"{file}: no weights there; run train_san_pg")
            shutil.copyfile(file, work / checkpoint.WEIGHTS)
            if file.with_name(checkpoint.REPORT).is_file():  # what SAN-PG itself started from
                shutil.copyfile(file.with_name(checkpoint.REPORT), work / checkpoint.REPORT)
        runtime.write_json(work / "variant.json", {"variant": variant} | v.model_dump(mode="json"))
    runtime.log.info("%s: starts from %s, reconstructs %s", out, v.initialise, v.reconstruct)


if __name__ == "__main__":
    run(main)
