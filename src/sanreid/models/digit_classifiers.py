"""Classifiers of digits: a two-layer perceptron, and ResNet-18 with a first layer of one channel.

Decisions: the ResNet is the backbone of models/backbones.py with another first convolution. Stem `imagenet` is the
published one (7 x 7 at stride 2, max pooling), made for pictures of 224 pixels; `small` is usual for small pictures: 3
x 3 at stride 1 and no pooling (He et al. 2016, section 4.2), since the published one reduces 28 pixels to a 1 x 1 map.
Digits are resized on the network's device, batch by batch.
"""

from typing import Annotated, Literal, NamedTuple

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from sanreid.bounds import Channels, Features
from sanreid.models.backbones import Trunk
from sanreid.params import Section

CLASSES, SIDE = 10, 28


class PerceptronShape(Section):
    """784 -> hidden -> 10."""

    kind: Literal["perceptron"]
    hidden: Features


class ResNetShape(Section):
    """ResNet-18 on digits of `side` pixels; `width` is the channels of the first stage (64 = published)."""

    kind: Literal["resnet18"]
    side: Annotated[int, Field(ge=SIDE, le=1024)]
    stem: Literal["imagenet", "small"]
    width: Channels


Shape = Annotated[PerceptronShape | ResNetShape, Field(discriminator="kind")]


class DigitOutput(NamedTuple):
    """Of N images: logits (N, 10)."""

    logits: Tensor


class Perceptron(nn.Module):
    """Two linear layers with a ReLU between."""

    def __init__(self, shape: PerceptronShape) -> None:
        super().__init__()
        self.hidden = nn.Linear(SIDE * SIDE, shape.hidden)
        self.fc = nn.Linear(shape.hidden, CLASSES)

    def forward(self, images: Tensor) -> DigitOutput:
        """Normalised images (N, 1, 28, 28)."""
        return DigitOutput(self.fc(self.hidden(images.flatten(1)).relu()))


class DigitResNet(Trunk):
    """ResNet-18, global average pooling, one linear layer."""

    def __init__(self, shape: ResNetShape) -> None:
        super().__init__("resnet18", shape.width, last_stride=2)
        self.side = shape.side
        if shape.stem == "small":
            self.conv1 = nn.Conv2d(1, shape.width, 3, padding=1, bias=False)
            self.maxpool = nn.MaxPool2d(1)  # passes its map through
        else:
            self.conv1 = nn.Conv2d(1, shape.width, 7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(self.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.fc = nn.Linear(self.channels[3], CLASSES)

    def forward(self, images: Tensor) -> DigitOutput:
        """Normalised images (N, 1, 28, 28), resized (bilinear, antialiased) to the network's side first."""
        if self.side != SIDE:
            images = F.interpolate(images, (self.side, self.side), mode="bilinear", antialias=True)
        return DigitOutput(self.fc(self.stages(images).l4.mean((2, 3))))


def build(shape: Shape) -> Perceptron | DigitResNet:
    """The network, drawn from torch's global generator."""
    return Perceptron(shape) if isinstance(shape, PerceptronShape) else DigitResNet(shape)
