"""What train_san is given in the tests: its section at toy size, three variants, a set and what was prepared for it."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file

from sanreid.data import images
from sanreid.models.san import SAN
from sanreid.params import validate
from sanreid.pseudo_textures import texture_table
from sanreid.training import san
from stages import train_san as stage
from tests.stages import toy_san as toy

VARIANTS = {
    "baseline": {
        "initialise": "scratch",
        "reconstruct": "nothing",
        "weights": {"id": 1.0, "triplet": 1.0, "reconstruction": 0.0, "texture_triplet": 0.0},
        "texture_triplet_scheme": "batch",
    },
    "baseline_syn": {
        "initialise": "encoder",
        "reconstruct": "nothing",
        "weights": {"id": 1.0, "triplet": 1.0, "reconstruction": 0.0, "texture_triplet": 0.0},
        "texture_triplet_scheme": "batch",
    },
    "san": {
        "initialise": "both",
        "reconstruct": "texture",
        "weights": {"id": 1.0, "triplet": 1.0, "reconstruction": 1.0, "texture_triplet": 0.5},
        "texture_triplet_scheme": "paper",
    },
}
SECTION = {
    "epochs": 2,
    "people": 3,
    "images": 2,
    "schedule": "joint",
    "losses": {"label_smoothing": 0.1, "triplet_margin": 0.3, "texture_triplet_margin": 0.3},
    "optimiser": toy.OPTIMISER,
    "texture_optimiser": {**toy.OPTIMISER, "lr": 1e-5, "betas": [0.5, 0.999], "schedule": "constant"},
    "augment": toy.AUGMENT,
    "compute": toy.COMPUTE,
    "pictures": {"every": 1, "people": 2},
    "variants": VARIANTS,
}


def write(root: Path) -> tuple[Path, Path]:
    """A re-ID set, and what was prepared for it: its textures (the true ones) and an untrained SAN-PG."""
    people = toy.write_people(root / "people")
    index = pd.read_parquet(people / "index.parquet")
    names = [f"flat/{i}.png" for i in range(len(index))]  # not the images' names: the table is what counts
    textures = root / "prepared"
    (textures / "flat").mkdir(parents=True)
    for name, pid in zip(names, index["pid"], strict=True):
        images.write_rgb(textures / name, toy.texture(int(pid)))
    texture_table.write(index["path"].tolist(), names, textures)
    np.save(textures / "uv_mirror.npy", toy.mirror_map())
    torch.manual_seed(9)
    state = SAN(toy.architecture(), people=1).state_dict()
    kept = {k: v.contiguous() for k, v in state.items() if not k.startswith(("encoder.fc", "encoder.classifier"))}
    save_file(kept, textures / "weights.safetensors")
    return people, textures


def params(**changes) -> san.Plan:
    return validate({**SECTION, **changes}, san.Plan, "train_san")


def train(folders, out, variant, seed=0, **changes):
    people, textures = folders
    stage.main(people, textures, variant, seed, out, params(**changes), toy.architecture())
    return out
