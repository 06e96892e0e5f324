"""The Siamese network of digits: two convolutions, max pooling, dropout, adaptive max pooling, one linear layer.

Decisions: the source states the layers and 1 -> 64 -> 512 channels; kernel size and the size after the adaptive pooling
are not stated, and are parameters. The max pooling is placed after the first convolution, where it makes the second
four times cheaper. One network embeds anchor, positive and negative; "Siamese" refers to the training.
"""

from typing import Annotated, NamedTuple

from pydantic import Field
from torch import Tensor, nn

from sanreid.bounds import Channels, Features, NotAll
from sanreid.params import Section


class Network(Section):
    """The network's shape."""

    channels: tuple[Channels, Channels]
    kernel: Annotated[int, Field(ge=1, le=28)]
    pooled: Annotated[int, Field(ge=1, le=28)]
    dropout: NotAll
    embedding: Features


class SiameseOutput(NamedTuple):
    """Of N images: embedding (N, D)."""

    embedding: Tensor


class Siamese(nn.Module):
    """Drawn from torch's global generator."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        first, second = network.channels
        pad = network.kernel // 2
        self.features = nn.Sequential(
            nn.Conv2d(1, first, network.kernel, padding=pad),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(first, second, network.kernel, padding=pad),
            nn.ReLU(inplace=True),
            nn.Dropout(network.dropout),
            nn.AdaptiveMaxPool2d(network.pooled),
        )
        self.fc = nn.Linear(second * network.pooled**2, network.embedding)

    def forward(self, images: Tensor) -> SiameseOutput:
        """Normalised images (N, 1, H, W)."""
        return SiameseOutput(self.fc(self.features(images).flatten(1)))
