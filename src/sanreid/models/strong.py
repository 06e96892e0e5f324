"""The strong baseline's network: a ResNet, global average pooling, and the BNNeck (Luo et al. 2019, section 3.6).

Decisions: the retrieval feature is the one after the neck (BatchNorm), to be compared by cosine distance, as published;
the feature before it is in the output for the triplet loss. As published, the neck's bias stays 0 and the classifier
has none. With `people` 0 there is no classifier, as in the shipped network.
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
