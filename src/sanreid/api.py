"""A trained re-ID network in three lines: `model = Model.load(folder)`, then `model.embed(paths)`.

Decisions: a model folder says itself what it holds (params.json), so one call loads the network of train_san and of
every other re-ID system; without a folder it is the network that ships. Features have unit length, so that their
product is the cosine.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sanreid import runtime
from sanreid.data import tensors
from sanreid.evaluation import features
from sanreid.models import aligned, reid, san, strong, two_branch, two_head
from sanreid.params import validate
from sanreid.training import checkpoint, parameter_prefixes

SHIPPED = Path(__file__).parent / "pretrained"
SYSTEMS: dict[str, tuple[type[reid.Architecture], type[nn.Module]]] = {
    "two_branch": (reid.Architecture, two_branch.TwoBranch),
    "two_head": (two_head.Architecture, two_head.TwoHead),
    "strong": (reid.Architecture, strong.Strong),
    "aligned": (aligned.Architecture, aligned.AlignedReID),
}
BATCH = 64


class Model:
    """A network that turns pictures of people into features.

    `name` is its folder's, `dimension` the numbers of a feature (D), `image_size` the (height, width) that it sees.
    """

    def __init__(self, network: nn.Module, image_size: tuple[int, int], folder: Path) -> None:
        """Use `Model.load`."""
        self.network, self.image_size, self.folder = network, image_size, folder
        self.name = folder.name
        self.dimension = self._features(torch.zeros(1, 3, *image_size, dtype=torch.uint8)).shape[1]

    @classmethod
    def load(cls, folder: str | os.PathLike | None = None) -> Self:
        """The network of a model folder, or the one that ships.

        Raises FileNotFoundError where there is none, ValueError where the folder holds no re-ID network, or not its
        weights.
        """
        place = SHIPPED if folder is None else Path(folder)
        file = place / "params.json"
        if not file.is_file():
            remedy = "`make pretrained` makes the one that ships" if folder is None else "name a model folder"
            raise FileNotFoundError(f"{file}: not found; {remedy}")
        record = runtime.read_json(file)
        if record.get("system") in SYSTEMS:
            section, kind = SYSTEMS[record["system"]]
            shape = validate(record["recipe"]["network"], section, f"{file}: recipe.network")
            network = kind(shape, record["people"])
            only = sorted({name.split(".")[0] + "." for name in network.state_dict()})
            size = shape.height, shape.width_px
        elif "architecture" in record:
            arch = validate(record["architecture"], san.Architecture, f"{file}: architecture")
            network, size = san.SAN(arch, people=1, decoder=False), arch.size
            only = [*parameter_prefixes.TRUNK, "encoder.fc."]
        else:
            raise ValueError(f"{file}: no re-ID network; name a folder of train_san or of another re-ID system")
        told = checkpoint.load_into(network, place / checkpoint.WEIGHTS, only=only, strict=True)
        runtime.log.debug("%s", told)
        return cls(network.eval(), size, place.resolve())

    def embed(self, paths: Sequence[str | os.PathLike]) -> NDArray[np.float32]:
        """Features (N, D) of unit length of N pictures, in their order.

        Raises ValueError for no pictures; OSError or ValueError naming the first that cannot be read.
        """
        places = [str(Path(path).absolute()) for path in paths]
        return self._features(tensors.decode(Path("/"), places, self.image_size))

    def _features(self, pictures: torch.Tensor) -> NDArray[np.float32]:
        return features.extract(self.network, pictures, BATCH, l2=True)
