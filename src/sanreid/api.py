"""A trained re-ID network from Python: `from sanreid.api import Model`, `model = Model.load()`, `model.embed(paths)`.

Decisions: a model folder says itself what it holds (params.json), so one call loads the network of train_san and of
every other re-ID system; without a folder it is the network that ships. Features have unit length, so that their
product is the cosine. Pictures are read and embedded a batch at a time, so memory does not grow with their number.
What is imported here needs neither the graph's tools nor the pages' (DVC, Prefect, matplotlib, ...).
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sanreid import faults, runtime
from sanreid.data import tensors
from sanreid.evaluation import features
from sanreid.training import checkpoint, networks

SHIPPED = Path(__file__).parent / "pretrained"
BATCH = 64  # pictures at once: speed and memory only

AnyPath = str | os.PathLike[str]


class Model:
    """A network that turns pictures of people into features; `Model.load` makes one.

    `name`: the model folder's, "pretrained" of the network that ships. `dimension`: the numbers of a feature (D).
    `image_size`: the (height, width) in pixels that pictures are brought to. `device`: where it runs. `folder`: where
    it lies. `network`: the torch module, in evaluation mode; its output has `feature` (N, D), not of unit length.
    """

    def __init__(self, network: nn.Module, image_size: tuple[int, int], folder: Path, device: torch.device) -> None:
        self.network, self.image_size = network.eval().to(device), image_size
        self.folder, self.name, self.device = folder, folder.name, device
        self.dimension = self._features(torch.zeros(1, 3, *image_size, dtype=torch.uint8)).shape[1]

    @classmethod
    def load(cls, folder: AnyPath | None = None, device: str = "auto") -> Self:
        """The network of a model folder (params.json and weights.safetensors), or the one that ships.

        `device` is "auto" (the first CUDA device, else the CPU), "cpu", "cuda" or "cuda:1". Raises FileNotFoundError
        where there is no such folder or file; ValueError where the folder holds no re-ID network or not its weights,
        or the device is not there. Each names the file and the remedy.
        """
        where = device_named(device)
        place = SHIPPED if folder is None else Path(folder)
        if folder is None and not (file := place / "params.json").is_file():
            raise FileNotFoundError(f"{file}: not found; `make pretrained` makes the network that ships")
        trained = networks.load_any(place)
        return cls(trained.net, trained.size, place.resolve(), where)

    def embed(
        self, paths: Sequence[AnyPath], batch: int = BATCH, progress: Callable[[int], object] | None = None
    ) -> NDArray[np.float32]:
        """Features (N, D) float32 of unit length of N pictures, in their order; (0, D) of none.

        Pictures may have any size and mode and are turned as their EXIF says. `batch` are read at once; `progress` is
        called with the number done after each batch. Raises FileNotFoundError, OSError or ValueError naming the first
        picture that is not there, cannot be read or is broken; ValueError for a single path, which wants a list.
        """
        if isinstance(paths, (str, os.PathLike)):
            raise ValueError(f"{paths}: embed takes a list of paths: embed([{str(paths)!r}])")
        if batch < 1:
            raise ValueError(f"batch {batch}: at least 1")
        names = [os.fspath(path) for path in paths]
        result = np.empty((len(names), self.dimension), np.float32)
        for first in range(0, len(names), batch):
            part = names[first : first + batch]
            result[first : first + batch] = self._features(tensors.decode(Path(), part, self.image_size))
            if progress is not None:
                progress(len(part))
        return result

    def digest(self) -> str:
        """The digest of these weights: features of two digests do not compare."""
        return digest(self.folder / checkpoint.WEIGHTS)

    def _features(self, pictures: torch.Tensor) -> NDArray[np.float32]:
        """Unit features (B, D) of uint8 pictures (B, 3, H, W) of the network's size."""
        return features.extract(self.network, pictures, len(pictures), l2=True, device=self.device)


def digest(file: Path) -> str:
    """The first 20 hexadecimal digits of the SHA-256 of a file's content."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:20]


def device_named(name: str) -> torch.device:
    """The device of that name; ValueError where it is unknown or not there."""
    if name == "auto":
        return runtime.device()
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # a device that keeps no numbers ("meta") is none
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # torch's words for a device that is not there
        said = faults.cut(str(error).splitlines()[0].split(". ")[0])
        raise ValueError(f"device {name!r}: not there ({said}); use auto or cpu") from None
    return device
