"""Train a variant of SAN on a re-ID set's training people, with the pseudo textures as decoder targets.

Decisions: a variant differs from the others by its own entry under `variants` alone, so that an edit to one reruns
one. Only split `train` is trained on; of split `query` a variant with a decoder looks at the few images of its
pictures, and no other at any. What was loaded from SAN-PG, and what not, is written to load_report.json.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from sanreid import runtime
from sanreid.data import augment, index, tensors
from sanreid.models import san as network
from sanreid.params import run
from sanreid.texturing import progress
from sanreid.texturing import table as texture_table
from sanreid.training import checkpoint, loop, optim
from sanreid.training import san as method


class Params(method.Recipe):
    """Section `train_san`: the recipe that all variants share, its pictures, and the variants by name."""

    pictures: progress.Pictures
    variants: dict[str, method.Variant]


def main(
    images: Path, textures: Path, san_pg: Path, variant: str, seed: int, out: Path, p: Params, san: network.Architecture
) -> None:
    """`out` gets weights.safetensors, params.json, history.csv and load_report.json of `variant` under `seed`.

    A variant with a decoder adds pictures/<split>_epoch<NNN>.jpg.
    """
    if variant not in p.variants:
        raise ValueError(f"train_san.variants: no '{variant}'; there are {', '.join(p.variants)}")
    v = p.variants[variant]
    everyone = index.read(images)
    table = everyone[everyone["split"] == "train"]
    paths, (codes, people) = table["path"].tolist(), pd.factorize(table["pid"], sort=True)
    labels = torch.from_numpy(codes)
    file = textures / "uv_mirror.npy"
    mirror = augment.mirror_index(np.load(file), san.texture) if v.decodes and file.is_file() else None
    recipe = method.Recipe(**{k: getattr(p, k) for k in method.Recipe.model_fields})
    recipe = recipe.model_copy(update={"augment": p.augment.settle(mirror, v.decodes)})
    method.check(recipe, v, labels, mirror, "train_san")
    targets = texture_table.find(textures, paths) if v.decodes else []
    runtime.prepare(seed)
    model, loaded = method.build(san, v, len(people), san_pg / checkpoint.WEIGHTS)
    loop.place(model, p.compute, runtime.device())
    data = method.People(
        tensors.decode(images, paths, san.size),
        tensors.decode(textures, targets, (san.texture, san.texture)) if v.decodes else None,
        labels,
    )
    settings = {
        "variant": variant,
        "seed": seed,
        "people": len(people),
        "settings": v,
        "recipe": recipe,
        "pictures": p.pictures,
        "architecture": san,
    }
    drawn = [s for s in ("train", "query") if v.decodes and (everyone["split"] == s).any()]
    splits = {s: shown(images, textures, everyone[everyone["split"] == s], p, seed, s, san) for s in drawn}
    start = [san_pg / checkpoint.WEIGHTS] if v.initialise != "scratch" else []
    decoded = [t for t in (*data, *(t for s in splits.values() for t in s)) if t is not None]
    key = checkpoint.key(settings, [images / index.NAME, *start], decoded)
    epochs = recipe.epochs + optim.extra_epochs(recipe.optimiser)
    step = method.Step(model, data, recipe, v, mirror)
    watch = progress.Progress(model, splits, p.pictures, epochs)
    history = loop.fit(step, epochs=epochs, seed=seed, run=key, name="/".join(out.parts[-4:]), watch=watch)
    with runtime.atomic_folder(out) as work:
        checkpoint.save_model(work, model, settings, history)
        runtime.write_json(work / "load_report.json", dict(loaded))
        progress.keep(history.parent, work)
    checkpoint.discard(key)


def shown(
    images: Path, textures: Path, rows: pd.DataFrame, p: Params, seed: int, split: str, san: network.Architecture
) -> progress.Shown:
    """The images of a few people of `rows`, all of `split`, with their pseudo textures: what its pictures show."""
    everybody = rows["path"].tolist()
    paths = [everybody[i] for i in progress.choose(rows["pid"].to_numpy(), p.pictures.people, seed, split)]
    targets = tensors.decode(textures, texture_table.find(textures, paths), (san.texture, san.texture))
    return progress.Shown(tensors.decode(images, paths, san.size), targets)


if __name__ == "__main__":
    run(main)
