"""Train a variant of SAN on a re-ID set's training people, from what prepare_san laid out for it.

Decisions: a variant differs from the others by its own entry under `variants` alone, so that an edit to one reruns
one. Only split `train` is read; what was loaded from SAN-PG, and what not, is written to load_report.json.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from sanreid import runtime
from sanreid.data import augment, index, tensors
from sanreid.models import san as network
from sanreid.params import run
from sanreid.texturing import table as texture_table
from sanreid.texturing import targets
from sanreid.training import checkpoint, loop, optim
from sanreid.training import san as method


def main(
    images: Path, prepared: Path, variant: str, seed: int, out: Path, p: method.Plan, san: network.Architecture
) -> None:
    """`out` gets weights.safetensors, params.json, history.csv and load_report.json of `variant` under `seed`.

    `prepared` holds its decoder's targets with their table and mirror map, and the weights that it starts from.
    """
    v = p.variant(variant)
    table = index.read(images)
    table = table[table["split"] == "train"]
    paths, (codes, people) = table["path"].tolist(), pd.factorize(table["pid"], sort=True)
    labels = torch.from_numpy(codes)
    mirror = mirror_of(v, prepared / targets.MIRROR, san.texture)
    recipe = method.Recipe(**{k: getattr(p, k) for k in method.Recipe.model_fields})
    recipe = recipe.model_copy(update={"augment": p.augment.settle(mirror, v.decodes)})
    method.check(recipe, v, labels, mirror, "train_san")
    decoded = v.decodes and v.reconstruct != "input"
    folder, files = (prepared, texture_table.find(prepared, paths)) if decoded else (images, paths)
    runtime.prepare(seed)
    model, loaded = method.build(san, v, len(people), prepared / checkpoint.WEIGHTS)
    loop.place(model, p.compute, runtime.device())
    data = method.People(
        tensors.decode(images, paths, san.size),
        tensors.decode(folder, files, (san.texture, san.texture)) if v.decodes else None,
        labels,
    )
    settings = {
        "variant": variant,
        "seed": seed,
        "people": len(people),
        "settings": v,
        "recipe": recipe,
        "architecture": san,
    }
    start = [prepared / checkpoint.WEIGHTS] if v.initialise != "scratch" else []
    key = checkpoint.key(settings, [images / index.NAME, *start], [t for t in data if t is not None])
    epochs = recipe.epochs + optim.extra_epochs(recipe.optimiser)
    step = method.Step(model, data, recipe, v, mirror)
    history = loop.fit(step, epochs=epochs, seed=seed, run=key, name="/".join(out.parts[-4:]))
    with runtime.atomic_folder(out) as work:
        checkpoint.save_model(work, model, settings, history)
        runtime.write_json(work / "load_report.json", dict(loaded))
    checkpoint.discard(key)


def mirror_of(variant: method.Variant, file: Path, size: int) -> torch.Tensor | None:
    """How a flip moves the variant's targets: pictures flip, textures go by the layout's map; None where unknown."""
    if variant.reconstruct in ("input", "frontal"):
        return augment.flip_index(size)
    return augment.mirror_index(np.load(file), size) if variant.decodes and file.is_file() else None


if __name__ == "__main__":
    run(main)
