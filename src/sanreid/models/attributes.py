"""The attribute classifier: a ResNet, global average pooling, and for each attribute Dropout and one Linear layer.

Decisions: the heads are given as a mapping from name to number of classes (defined in data/attributes.py); the trunk is
called `encoder`, as in all networks here, so that SAN-PG's weights can be loaded.
"""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from sanreid.bounds import NotAll
from sanreid.models.reid import Architecture


class Network(Architecture):
    """The trunk's section, and the dropout before each head."""

    dropout: NotAll


class AttributeOutput(NamedTuple):
    """Of N images: feature (N, C), the pooled last map, and logits (N, classes) by head."""

    feature: Tensor
    logits: dict[str, Tensor]


class AttributeClassifier(nn.Module):
    """Drawn from torch's global generator; `heads` maps a name to its number of classes."""

    def __init__(self, network: Network, heads: Mapping[str, int]) -> None:
        super().__init__()
        self.encoder = network.trunk()
        channels = self.encoder.channels[3]
        self.heads = nn.ModuleDict(
            {name: nn.Sequential(nn.Dropout(network.dropout), nn.Linear(channels, n)) for name, n in heads.items()}
        )

    def forward(self, images: Tensor) -> AttributeOutput:
        """Normalised images (N, 3, H, W)."""
        feature = self.encoder(images).l4.mean((2, 3))
        return AttributeOutput(feature, {name: head(feature) for name, head in self.heads.items()})
