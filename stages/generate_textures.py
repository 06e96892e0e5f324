"""SAN-PG's texture for every image of a set: the pseudo ground truth that SAN is trained with.

Decision: textures are made for all splits, not only for training images, so that they can also be compared with the
true textures of people who were not trained on.
"""

import shutil
from pathlib import Path

from sanreid import runtime
from sanreid.bounds import Batch
from sanreid.data import images as pictures
from sanreid.data import index, tensors
from sanreid.models import san as network
from sanreid.params import Section, run
from sanreid.pseudo_textures import generate, texture_table
from sanreid.training import checkpoint
from sanreid.training.parameter_prefixes import DECODER, TRUNK


class Params(Section):
    """Section `generate_textures`."""

    batch: Batch


def main(images: Path, san_pg: Path, out: Path, p: Params, san: network.Architecture) -> None:
    """`images` has a set's table; `out` gets one PNG per image at the image's path, index.parquet and uv_mirror.npy."""
    paths = index.read(images)["path"].tolist()
    textures = texture_table.names(paths)
    runtime.prepare(seed=0)
    model = network.SAN(san, people=1)  # the head of `people` classes is not used
    report = checkpoint.load_into(model, san_pg / checkpoint.WEIGHTS, only=TRUNK + DECODER, strict=True)
    runtime.log.info("%s", report)
    model.to(runtime.device())
    decoded = tensors.decode(images, paths, san.size)
    with runtime.atomic_folder(out) as work:
        pictures.write_all(work, zip(textures, generate.predict(model, decoded, p.batch), strict=True))
        texture_table.write(paths, textures, work)
        if (san_pg / "uv_mirror.npy").is_file():
            shutil.copyfile(san_pg / "uv_mirror.npy", work / "uv_mirror.npy")
    runtime.log.info("%s: %d textures of %d x %d texels", out, len(textures), san.texture, san.texture)


if __name__ == "__main__":
    run(main)
