"""A small batch and how it is augmented: every choice at even odds."""

import torch
from torch import Tensor

from sanreid.data.augment import Augment

SIZE = (32, 16)
VALUES = {
    "crop_probability": 0.5,
    "enlargement": 1.125,
    "flip": "mirrored",
    "flip_probability": 0.5,
    "erase_probability": 0.5,
    "erase_area": (0.02, 0.4),
    "photometric": None,
}


def make(**changes) -> Augment:
    return Augment.model_validate(VALUES | changes)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int, size: tuple[int, int] = SIZE) -> Tensor:
    """Smooth colour: byte and float resizing agree to a level or two."""
    small = torch.randint(0, 256, (n, 3, 5, 4), generator=generator(1)).float()
    large = torch.nn.functional.interpolate(small, size=size, mode="bilinear")
    return large.round().to(torch.uint8).contiguous(memory_format=torch.channels_last)
