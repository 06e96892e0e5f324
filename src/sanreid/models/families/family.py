"""The interface of a family of backbones; a new family is one file beside this one.

Decisions: a family defines its layers and the forward pass through them; a Trunk (models/backbones.py) has them as
submodules under the family's names. So one encoder, with the parameter names of the released checkpoints, works with
every family, and published weights load by name. Without ImageNet weights `imagenet` is None.
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
    """How to recognise a file of ImageNet weights.

    `width` is that of the network that they fit, `head` the prefix of the 1000-class layer, which is left out. A file's
    origin is looked up by the first digits of its SHA-256 in `files`, or by the `backbones.fingerprint` of its tensors
    in `tensors`. `fetched`: torchvision's file is downloaded if missing; otherwise `make weights` makes one.
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
    """One backbone: `starts` are the prefixes of its parameters' names, which distinguish them from a head's.

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
        """New random blocks as those of `fourth`, and one more, drawn from the global generator."""
        raise ValueError(f"backbone: a {type(self).__name__} has no fourth stage that could be there twice")


def draw(module: nn.Module) -> None:
    """Draw the convolutions' weights as the ResNets and MobileNetV2 do (He et al. 2015, by the outputs)."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
