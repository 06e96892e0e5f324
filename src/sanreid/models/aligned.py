"""AlignedReID: one map read twice, as a whole and as a column of stripes (Zhang et al. 2017, section 3.1).

Decisions: the stripes are there for the losses and for whoever asks; retrieval by the global feature alone needs none
of their weights. Of n networks that learn from one another the first holds the others as `peers`: a model folder has
them all, and the first one's weights carry the names of a network that was trained alone.
"""

from typing import NamedTuple

from torch import Tensor, nn

from sanreid.bounds import Features
from sanreid.models import reid

FEATURE, STRIPES = ("encoder.",), ("encoder.", "local.")  # what the global feature needs; what the stripes need
PEERS = "peers."


class Architecture(reid.Architecture):
    """The trunk, and the size of a stripe's vector."""

    local: Features


class AlignedOutput(NamedTuple):
    """feature (N, C) of the whole image, not normalised; logits (N, people); stripes (N, H, c) from top to bottom."""

    feature: Tensor
    logits: Tensor
    stripes: Tensor


class AlignedReID(nn.Module):
    """A trunk with average pooling and a classifier, and a 1 x 1 convolution of the rows' means."""

    def __init__(self, arch: Architecture, people: int) -> None:
        super().__init__()
        self.encoder = arch.trunk()
        channels = self.encoder.channels[3]
        self.local = nn.Sequential(nn.Conv2d(channels, arch.local, 1), nn.BatchNorm2d(arch.local), nn.ReLU())
        self.classifier = nn.Linear(channels, people)
        nn.init.normal_(self.classifier.weight, 0.0, 0.001)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, images: Tensor) -> AlignedOutput:
        """Normalised images (N, 3, H, W)."""
        last = self.encoder(images).l4
        feature = last.mean((2, 3))
        stripes = self.local(last.mean(3, keepdim=True))[..., 0].transpose(1, 2)
        return AlignedOutput(feature, self.classifier(feature), stripes)


class Cohort(AlignedReID):
    """`count` networks of one architecture that start differently; by itself it is the first of them."""

    def __init__(self, arch: Architecture, people: int, count: int) -> None:
        super().__init__(arch, people)
        self.peers = nn.ModuleList(AlignedReID(arch, people) for _ in range(count - 1))

    @property
    def networks(self) -> list[AlignedReID]:
        """All of them, the first being this one; call `forward` of each, and `own` for its parameters."""
        return [self, *self.peers]  # pyrefly: ignore


def own(network: AlignedReID) -> list[nn.Parameter]:
    """The parameters of one network of a cohort, without those of the peers that the first one holds."""
    return [p for name, p in network.named_parameters() if not name.startswith(PEERS)]
