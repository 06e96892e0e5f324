"""Train SAN-PG on PIT: the network that predicts a pseudo ground-truth texture for every re-ID image.

`target` is the column of the paired table that it learns to predict: `texture`, or `frontal`, the same person in a
frontal pose (Jin et al. 2020, table 2).

Decisions: people of split `validation` are not trained on; their L1 is measured after every epoch. Every few epochs
pictures of some validation and some training people (image | predicted | true) are written into pictures/;
reconstructions.jpg is the last of them, of validation people if there are any. The texture layout's mirror and coverage
maps are copied beside the weights.
"""

import shutil
from pathlib import Path

import pandas as pd

from sanreid import process_group, runtime
from sanreid.bounds import Seed
from sanreid.data import augment, index
from sanreid.models import san as network
from sanreid.params import run
from sanreid.pseudo_textures import decoder_pictures
from sanreid.training import checkpoint, loop, optim, san_pg, san_start
from sanreid.training.parameter_prefixes import DECODER, TRUNK

TARGETS = ("texture", "frontal")
LAYOUT = ("uv_mirror.npy", "coverage.png")  # the paired set's texture layout, where it is known


class Params(san_pg.Recipe):
    """Section `train_san_pg`: the recipe, its seed, and its pictures."""

    seed: Seed
    pictures: loop.Pictures


def main(pit: Path, target: str, out: Path, p: Params, san: network.Architecture) -> None:
    """`pit` has the paired table; `out` gets the model folder, with its pictures and the layout's maps."""
    if target not in TARGETS:
        raise ValueError(f"experiment.generators: '{target}'; a generator paints one of {', '.join(TARGETS)}")
    table = index.read(pit)
    train, rest = (table[table["split"] == split] for split in ("train", "validation"))
    file = pit / LAYOUT[0]
    mirror = augment.read_mirror(file, san.texture) if file.is_file() else None
    if target == "frontal":
        mirror = augment.flip_index(san.texture)
        p = p.model_copy(update={"hidden_weight": 1.0})  # visibility is of texels
    p = p.model_copy(update={"augment": p.augment.settle(mirror, textures=True)})
    san_pg.check(p, len(train), mirror, "train_san_pg")
    runtime.prepare(p.seed)
    model, loaded = san_start.begin(san, people=1)
    model = loop.place(model, p.compute, runtime.device())
    pairs = san_pg.read_pairs(pit, train, san, p.hidden_weight < 1, target)
    held_out = san_pg.read_pairs(pit, rest, san, False, target) if len(rest) else None
    settings = {"target": target, "recipe": p, "architecture": san}
    files = [pit / index.NAME, *checkpoint.began_with(loaded)]
    key = checkpoint.key(settings, files, [*pairs.tensors(), *(held_out.tensors() if held_out else ())])
    epochs = p.epochs + optim.extra_epochs(p.optimiser)
    step = san_pg.Step(model, pairs, p, mirror, held_out)
    splits = {"train": shown(pairs, train, p, "train")}
    if held_out is not None:
        splits["validation"] = shown(held_out, rest, p, "validation")
    watch = decoder_pictures.Progress(model, splits, p.pictures.every, epochs)
    name = "/".join(out.parts[-2:])
    with checkpoint.owned(key, name):
        trained = loop.fit(step, epochs=epochs, seed=p.seed, run=key, name=name, watch=watch)
        with runtime.atomic_folder(out) as work:
            checkpoint.save_model(work, model, settings, trained.history, only=TRUNK + DECODER)
            runtime.write_json(work / checkpoint.REPORT, loaded)
            runtime.write_json(work / "training.json", trained.record())
            for layout in LAYOUT if target == "texture" else ():
                if (pit / layout).is_file():
                    shutil.copyfile(pit / layout, work / layout)
            decoder_pictures.keep(trained.history.parent, work)
            last = decoder_pictures.name(list(splits)[-1], epochs)
            shutil.copyfile(work / decoder_pictures.FOLDER / last, work / "reconstructions.jpg")


def shown(pairs: san_pg.Pairs, table: pd.DataFrame, p: Params, split: str) -> decoder_pictures.Shown:
    """The images and true textures of the people of `table`, the rows of `pairs`, that the pictures show."""
    some = decoder_pictures.choose(table["pid"].to_numpy(), p.pictures.people, p.seed, split)
    return decoder_pictures.Shown(pairs.images[some], pairs.textures[pairs.texture_of[some]])


if __name__ == "__main__":
    run(main, process_group.launch)
