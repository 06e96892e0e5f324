"""SA-Enc: a backbone, global average pooling, and a fully connected layer whose output is the retrieval feature.

Decision: the encoder inherits the trunk's layers instead of having the trunk as a submodule, so that its parameter
names are those of the released checkpoints (`conv1 ... layer4`, `fc.0`, `fc.1`, `classifier`).
"""

from typing import NamedTuple

from torch import Tensor, nn

from sanreid.models.backbones import StageMaps, Trunk


class EncoderOutput(NamedTuple):
    """The encoder's output for N images: feature (N, fc), logits (N, people), the four stage maps."""

    feature: Tensor
    logits: Tensor
    maps: StageMaps


class Encoder(Trunk):
    """`resnet50_fc512` of the paper for any of our backbones (Jin et al. 2020, section 3.1).

    The feature is taken after BatchNorm and ReLU and is not normalised.
    """

    def __init__(self, name: str, people: int, width: int = 64, last_stride: int = 1, fc: int = 512) -> None:
        super().__init__(name, width, last_stride)
        self.fc = nn.Sequential(nn.Linear(self.channels[3], fc), nn.BatchNorm1d(fc), nn.ReLU(inplace=True))
        self.classifier = nn.Linear(fc, people)
        for module in (*self.fc, self.classifier):
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0.0, 0.01)
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> EncoderOutput:
        """Normalised images (N, 3, H, W) -> feature (N, fc), logits (N, people), the stage maps."""
        maps = self.stages(images)
        feature = self.fc(maps.l4.mean((2, 3)))
        return EncoderOutput(feature, self.classifier(feature), maps)
