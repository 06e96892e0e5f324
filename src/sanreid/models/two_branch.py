"""The two-branch network: a backbone with two copies of its fourth stage, before average and before max pooling.

Decisions: the average branch is the trunk's own fourth stage, so that pretrained weights are loaded into it. The max
branch has one block more, as in its source (4 bottlenecks, not 3); `copy_stage` copies the weights into its other
blocks. The triplet loss is on a branch's feature before its BatchNorm; the retrieval feature is both concatenated.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sanreid.models.reid import Architecture


class Branch(NamedTuple):
    """A branch's feature (N, C) and its logits (N, people)."""

    feature: Tensor
    logits: Tensor


class TwoBranchOutput(NamedTuple):
    """Of N images: feature (N, 2 C), the branches' features one after the other, and the branches."""

    feature: Tensor
    average: Branch
    max: Branch


class TwoBranch(nn.Module):
    """Drawn from torch's global generator; C is the channels of the trunk's last map."""

    def __init__(self, arch: Architecture, people: int) -> None:
        super().__init__()
        self.encoder = arch.trunk()
        channels = self.encoder.channels[3]
        self.layer4_max = self.encoder.family.longer_fourth(arch.width, arch.last_stride)
        self.neck_average, self.neck_max = nn.BatchNorm1d(channels), nn.BatchNorm1d(channels)
        self.classifier_average, self.classifier_max = nn.Linear(channels, people), nn.Linear(channels, people)
        for classifier in (self.classifier_average, self.classifier_max):
            nn.init.normal_(classifier.weight, std=0.001)
            nn.init.zeros_(classifier.bias)

    def copy_stage(self) -> None:
        """Start the max branch's blocks, but for the one more, with the weights of the average branch's."""
        blocks = dict(self.layer4_max.named_children())
        for name, source in self.encoder.family.fourth(self.encoder).named_children():
            blocks[name].load_state_dict(source.state_dict())

    def forward(self, images: Tensor) -> TwoBranchOutput:
        """Normalised images (N, 3, H, W)."""
        maps = self.encoder(images)
        average, largest = maps.l4.mean((2, 3)), self.layer4_max(maps.l3).amax((2, 3))
        return TwoBranchOutput(
            torch.cat([average, largest], 1),
            Branch(average, self.classifier_average(self.neck_average(average))),
            Branch(largest, self.classifier_max(self.neck_max(largest))),
        )
