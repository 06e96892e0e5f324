"""AlignedReID's network: a global feature and horizontal stripes from one map (Zhang et al. 2017, section 3.1).

Decisions: the weights of the stripes are not needed for retrieval by the global feature. Of n networks with mutual
learning the first contains the others as `peers`, so that a model folder has all of them, and the first one's
parameters have the same names as those of a network trained alone.
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
    """`count` networks of one architecture with different random weights; the module itself is the first of them."""

    def __init__(self, arch: Architecture, people: int, count: int) -> None:
        super().__init__(arch, people)
        self.peers = nn.ModuleList(AlignedReID(arch, people) for _ in range(count - 1))

    @property
    def networks(self) -> list[AlignedReID]:
        """All networks, this one first; call each one's `forward`; `own(network)` are its parameters."""
        return [self, *self.peers]  # pyrefly: ignore


def own(network: AlignedReID) -> list[nn.Parameter]:
    """The parameters of one network of a cohort, without those of the `peers` that the first one contains."""
    return [p for name, p in network.named_parameters() if not name.startswith(PEERS)]
