"""The strong baseline's network: a ResNet, global average pooling, and the BNNeck (Luo et al. 2019, section 3.6).

Decisions: what is retrieved is the feature behind the neck, as the authors do with cosine distance; the one before it
is in the output for the triplet loss. The neck's shift stays 0 and the classifier has no bias, as published, so that
the features gather round the origin. Of 0 people it has no classifier: a network that embeds, as the one that ships.
"""

from typing import NamedTuple

from torch import Tensor, nn

from sanreid.models.reid import Architecture


class StrongOutput(NamedTuple):
    """Of N images: feature (N, C) behind the neck, pooled (N, C) before it, logits (N, people)."""

    feature: Tensor
    pooled: Tensor
    logits: Tensor


class Strong(nn.Module):
    """Drawn from torch's global generator; C is the channels of the trunk's last map (2048 of a ResNet-50)."""

    def __init__(self, arch: Architecture, people: int) -> None:
        super().__init__()
        self.encoder = arch.trunk()
        channels = self.encoder.channels[3]
        self.neck = nn.BatchNorm1d(channels)
        self.neck.bias.requires_grad_(False)
        if people:
            self.classifier = nn.Linear(channels, people, bias=False)
            nn.init.normal_(self.classifier.weight, std=0.001)
        self.people = people

    def forward(self, images: Tensor) -> StrongOutput:
        """Normalised images (N, 3, H, W)."""
        pooled = self.encoder(images).l4.mean((2, 3))
        feature = self.neck(pooled)
        return StrongOutput(feature, pooled, self.classifier(feature) if self.people else feature[:, :0])
