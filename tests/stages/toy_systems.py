"""What the re-ID systems' stages are given in the tests: a network's section, a recipe's, and an untrained SAN-PG."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from sanreid.models.san import SAN
from tests.stages import toy_san as toy

NETWORK = {
    "backbone": "resnet18",
    "width": 4,
    "last_stride": 1,
    "height": toy.HEIGHT,
    "width_px": toy.WIDTH,
    "initialise": "san_pg",
}
RECIPE = {
    "epochs": 2,
    "optimiser": toy.OPTIMISER,
    "augment": toy.AUGMENT,
    "compute": toy.COMPUTE,
}


def write_san_pg(folder: Path) -> Path:
    """A model folder as train_san_pg writes it: trunk and decoder, no head."""
    folder.mkdir(parents=True)
    torch.manual_seed(9)
    state = SAN(toy.architecture(), people=1).state_dict()
    kept = {k: v.contiguous() for k, v in state.items() if not k.startswith(("encoder.fc", "encoder.classifier"))}
    save_file(kept, folder / "weights.safetensors")
    return folder
