"""What a variant of SAN begins with, in one folder: its decoder's targets, and the weights it starts from.

Decision: the training depends on this folder and its set alone. A stage whose output did not change stops DVC there,
so a change of SAN-PG retrains the variants that begin with it or learn from it, and no other.
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
    """`textures` and `san_pg` hold a folder a generator; `out` gets targets, table, mirror map, and the start.

    The start is weights.safetensors and the load_report.json of its training.
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
            if file.with_name(checkpoint.REPORT).is_file():  # what these weights began with, for the variant's report
                shutil.copyfile(file.with_name(checkpoint.REPORT), work / checkpoint.REPORT)
        runtime.write_json(work / "variant.json", {"variant": variant} | v.model_dump(mode="json"))
    runtime.log.info("%s: starts from %s, reconstructs %s", out, v.initialise, v.reconstruct)


if __name__ == "__main__":
    run(main)
