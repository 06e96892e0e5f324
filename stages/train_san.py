"""Train a variant of SAN on a re-ID set's training people, with the targets and starting weights from prepare_san.

Decisions: variants differ only in their own entry under `variants`, so that an edit to one reruns that one. Only split
`train` is trained on; the few images of split `query` that a variant with a decoder reads are for its pictures only.
load_report.json says which weights were loaded from SAN-PG, and which were not.
"""

from pathlib import Path

import pandas as pd
import torch

from sanreid import process_group, runtime
from sanreid.data import augment, index, tensors
from sanreid.models import san as network
from sanreid.params import run
from sanreid.pseudo_textures import decoder_pictures, decoder_targets, texture_table
from sanreid.training import checkpoint, loop, optim
from sanreid.training import san as method


def main(
    images: Path, prepared: Path, variant: str, seed: int, out: Path, p: method.Plan, san: network.Architecture
) -> None:
    """`out` gets weights.safetensors, params.json, history.csv, load_report.json and training.json.

    A variant with a decoder adds pictures/<split>_epoch<NNN>.jpg. `prepared` is the output of prepare_san: the
    decoder's targets, their table and mirror map, and the starting weights.
    """
    v = p.variant(variant)
    everyone = index.read(images)
    table = index.of_split(everyone, "train", images)
    paths, (codes, people) = table["path"].tolist(), pd.factorize(table["pid"], sort=True)
    labels = torch.from_numpy(codes)
    mirror = mirror_of(v, prepared / decoder_targets.MIRROR, san.texture)
    recipe = method.Recipe(**{k: getattr(p, k) for k in method.Recipe.model_fields})
    recipe = recipe.model_copy(update={"augment": p.augment.settle(mirror, v.decodes)})
    method.check(recipe, v, labels, mirror, "train_san")
    runtime.prepare(seed)
    model, loaded = method.build(san, v, len(people), prepared / checkpoint.WEIGHTS)
    loop.place(model, p.compute, runtime.device())
    data = method.People(
        tensors.decode(images, paths, san.size),
        decode_targets(images, prepared, paths, v, san) if v.decodes else None,
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
    splits = {s: shown(images, prepared, everyone[everyone["split"] == s], p, v, seed, s, san) for s in drawn}
    start = checkpoint.began_with(loaded) if v.initialise == "scratch" else [prepared / checkpoint.WEIGHTS]
    decoded = [t for t in (*data, *(t for s in splits.values() for t in s)) if t is not None]
    key = checkpoint.key(settings, [images / index.NAME, *start], decoded)
    epochs = recipe.epochs + optim.extra_epochs(recipe.optimiser)
    step = method.Step(model, data, recipe, v, mirror)
    watch = decoder_pictures.Progress(model, splits, p.pictures.every, epochs)
    name = "/".join(out.parts[-4:])
    with checkpoint.owned(key, name):
        trained = loop.fit(step, epochs=epochs, seed=seed, run=key, name=name, watch=watch)
        with runtime.atomic_folder(out) as work:
            checkpoint.save_model(work, model, settings, trained.history)
            runtime.write_json(work / checkpoint.REPORT, dict(loaded))
            runtime.write_json(work / "training.json", trained.record())
            decoder_pictures.keep(trained.history.parent, work)


def decode_targets(
    images: Path, prepared: Path, paths: list[str], variant: method.Variant, san: network.Architecture
) -> torch.Tensor:
    """The decoder's targets for the images at `paths`, (N, 3, T, T) uint8: the images themselves, or those prepared."""
    side = (san.texture, san.texture)
    if variant.reconstruct == "input":
        return tensors.decode(images, paths, side)
    return tensors.decode(prepared, texture_table.find(prepared, paths), side)


def mirror_of(variant: method.Variant, file: Path, size: int) -> torch.Tensor | None:
    """The index that mirrors the variant's targets: left-right for pictures, the layout's map for textures, or None."""
    if variant.reconstruct in ("input", "frontal"):
        return augment.flip_index(size)
    return augment.read_mirror(file, size) if variant.decodes and file.is_file() else None


def shown(
    images: Path,
    prepared: Path,
    rows: pd.DataFrame,
    p: method.Plan,
    variant: method.Variant,
    seed: int,
    split: str,
    san: network.Architecture,
) -> decoder_pictures.Shown:
    """Images of a few people of `rows` (all of `split`), with their targets, for the pictures of the training."""
    everybody = rows["path"].tolist()
    paths = [everybody[i] for i in decoder_pictures.choose(rows["pid"].to_numpy(), p.pictures.people, seed, split)]
    return decoder_pictures.Shown(
        tensors.decode(images, paths, san.size), decode_targets(images, prepared, paths, variant, san)
    )


if __name__ == "__main__":
    run(main, process_group.launch)
