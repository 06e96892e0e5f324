"""The two-head network of a course report (ROB313): a ResNet without its last layer, and the heads `id` and `metric`.

Decisions: both heads are two linear layers of the same shape without an activation between them, as in the source.
`crossed` (as in the source) puts the triplet loss on head `id` and the cross entropy on head `metric`. The retrieval
feature is either the output of the head with the triplet loss or the pooled map before both heads.
"""

from typing import Literal, NamedTuple

from torch import Tensor, nn

from sanreid.bounds import Features
from sanreid.models import reid


class Architecture(reid.Architecture):
    """`hidden` is the width between a head's layers; `crossed` as the source; `retrieve` what is ranked."""

    hidden: Features
    crossed: bool
    retrieve: Literal["pooled", "triplet"]


class TwoHeadOutput(NamedTuple):
    """Of N images: feature, the pooled map (N, C) or `triplet`; triplet and logits (N, people), a head each."""

    feature: Tensor
    triplet: Tensor
    logits: Tensor


class TwoHead(nn.Module):
    """Drawn from torch's global generator."""

    def __init__(self, arch: Architecture, people: int) -> None:
        super().__init__()
        self.crossed, self.retrieve = arch.crossed, arch.retrieve
        self.encoder = arch.trunk()
        channels = self.encoder.channels[3]
        self.id, self.metric = (
            nn.Sequential(nn.Linear(channels, arch.hidden), nn.Linear(arch.hidden, people)) for _ in range(2)
        )

    def forward(self, images: Tensor) -> TwoHeadOutput:
        """Normalised images (N, 3, H, W)."""
        pooled = self.encoder(images).l4.mean((2, 3))
        identity, metric = self.id(pooled), self.metric(pooled)
        triplet, logits = (identity, metric) if self.crossed else (metric, identity)
        return TwoHeadOutput(triplet if self.retrieve == "triplet" else pooled, triplet, logits)
