"""What a family of backbones defines, and so all that a further one needs: one file beside this one.

Decisions: a family describes its layers and the way through them, and a Trunk (models/backbones.py) holds them under
the family's own names. So one encoder, whose parameters are named as in the released checkpoints, serves every family,
and published weights load by name. A family that never was trained on ImageNet leaves `imagenet` None.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from torch import Tensor, nn


class StageMaps(NamedTuple):
    """The outputs of the four stages; (N, C, H/4, W/4), then half the size each, but the last at stride 1."""

    l1: Tensor
    l2: Tensor
    l3: Tensor
    l4: Tensor


class ImageNet(NamedTuple):
    """How to know a file of ImageNet's weights for what it is.

    `width` is the network's that they fit, `head` the beginning of the names of the 1000-class layer, which is left
    out. The origin of a file is known by the first digits of its SHA-256, `files`, or by the `backbones.fingerprint` of
    its tensors under our names, `tensors`. `fetched`: torchvision's file is downloaded where none is there; otherwise
    `make weights` makes one.
    """

    width: int
    head: str
    files: Mapping[str, str]
    tensors: Mapping[str, str]
    fetched: bool


class Layers(NamedTuple):
    """A network's modules by name, in the order in which they are registered and drawn; the four maps' channels."""

    modules: Mapping[str, nn.Module]
    channels: tuple[int, int, int, int]


class Family(ABC):
    """One backbone: `starts` are the beginnings of its parameters' names, which set its weights apart from a head's.

    They are the same for every backbone of a family.
    """

    starts: ClassVar[tuple[str, ...]]
    imagenet: ImageNet | None = None

    @abstractmethod
    def layers(self, width: int, last_stride: int) -> Layers:
        """The layers, drawn from torch's global generator; `width` is the channels of the first convolution."""

    @abstractmethod
    def stages(self, trunk: nn.Module, images: Tensor) -> StageMaps:
        """Normalised images (N, 3, H, W) through the layers that `trunk` holds, to the four maps."""

    def fourth(self, trunk: nn.Module) -> nn.Sequential:
        """The blocks of `trunk` between its third map and its fourth."""
        raise ValueError(f"backbone: a {type(self).__name__} has no fourth stage that could be there twice")

    def longer_fourth(self, width: int, last_stride: int) -> nn.Sequential:
        """The same blocks redrawn, and one more, whose name `fourth` does not have, drawn from the global generator."""
        raise ValueError(f"backbone: a {type(self).__name__} has no fourth stage that could be there twice")


def draw(module: nn.Module) -> None:
    """Draw the convolutions' weights as the ResNets and MobileNetV2 do (He et al. 2015, by the outputs)."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
