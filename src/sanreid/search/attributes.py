"""What the people of pictures wear, by a trained attribute classifier: for each picture 12 answers and how sure.

Decision: the probability is the classifier's own (a softmax of its logits), and uncalibrated: it was trained with
weighted classes.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from sanreid.data import tensors
from sanreid.data.attributes import HEADS
from sanreid.training import attributes as method

BATCH = 64
NAMES = {
    "clothes": "dress or trousers",
    "down": "lower clothing",
    "up": "sleeves",
    "up_color": "upper colour",
    "down_color": "lower colour",
}  # of the heads that people would not understand; programs are given the heads' own
SHIPPED = Path(__file__).parents[1] / "pretrained_attributes"  # a model folder, with its model card


class Classifier:
    """A trained attribute classifier."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        """Load a model folder of train_attributes.

        Raises FileNotFoundError or ValueError naming the file where one is missing or broken, or where the folder holds
        another model.
        """
        self._network, shape = method.load(folder)
        self._network.to(device).eval()
        self._size, self._device = shape.size, device

    def tell(
        self, paths: Sequence[Path], batch: int = BATCH, progress: Callable[[int], object] = lambda done: None
    ) -> list[dict[str, Any]]:
        """For each picture its `path` and for each attribute its `class` and `probability`.

        `progress` is called with the number done after each batch. Raises FileNotFoundError or ValueError naming a
        picture that is not read.
        """
        told: list[dict[str, Any]] = []
        for first in range(0, len(paths), batch):
            part = paths[first : first + batch]
            pictures = tensors.decode(Path(), [str(p) for p in part], self._size)
            with torch.inference_mode():
                logits = self._network(tensors.normalise_images(pictures.to(self._device))).logits
                sure = {head: logits[head].float().softmax(1).max(1) for head in HEADS}
            for row, path in enumerate(part):
                found = {
                    head: {"class": HEADS[head][int(best.indices[row])], "probability": float(best.values[row])}
                    for head, best in sure.items()
                }
                told.append({"path": str(path), "attributes": found})
            progress(len(part))
        return told


def called(head: str) -> str:
    """What people are shown for a head."""
    return NAMES.get(head, head)
