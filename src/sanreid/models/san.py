"""SAN: the encoder with the texture decoder, which is used in training only (Jin et al. 2020).

Decisions: the output has the same type in every mode; `decoded` is None if no texture was asked for. The constructor
reads no file; `create` loads starting weights.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from sanreid.bounds import Channels, Features, Pixels
from sanreid.models.backbones import WEIGHTS, Shape, StageMaps, load_imagenet
from sanreid.models.decoder import Decoder, DecoderOutput
from sanreid.models.encoder import Encoder


class Architecture(Shape):
    """The shape of the network; section `san`, shared by every stage that builds or loads it."""

    fc: Features
    texture: Pixels
    decoder_channels: tuple[Channels, Channels, Channels, Channels, Channels]
    decoder_upsamples: Annotated[int, Field(ge=3, le=4)]
    pretrained: Literal["none", "imagenet", "shipped"]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        shrink = 2 ** (4 - self.decoder_upsamples)
        low, high = self.height // shrink, 4 * self.width_px // shrink
        if not low <= self.texture <= high:
            raise ValueError(
                f"texture: {self.texture} is out of reach: the decoder ends at {low}x{self.width_px // shrink} pixels "
                f"and its last resize enlarges, by 4 at most; take {low} to {high}, or change decoder_upsamples"
            )
        if self.pretrained == "imagenet":
            self.check_imagenet("pretrained", "set pretrained: none")
        return self


class SANOutput(NamedTuple):
    """feature (N, fc), logits (N, people), the encoder's stage maps, and the decoder's output or None."""

    feature: Tensor
    logits: Tensor
    maps: StageMaps
    decoded: DecoderOutput | None


class SAN(nn.Module):
    """The encoder for `people` identities, and the decoder if `decoder`; drawn from torch's global generator."""

    def __init__(self, arch: Architecture, people: int, decoder: bool = True) -> None:
        super().__init__()
        self.architecture = arch
        self.encoder = Encoder(arch.backbone, people, arch.width, arch.last_stride, arch.fc)
        if decoder and arch.last_stride != 1:
            raise ValueError("last_stride: the decoder adds the last two maps, which are of one size at 1 only")
        shape = (arch.decoder_channels, arch.decoder_upsamples, arch.texture)
        self.decoder = Decoder(self.encoder.channels, *shape) if decoder else None

    def forward(self, images: Tensor, texture: bool = True) -> SANOutput:
        """Normalised images (N, 3, H, W); the texture is decoded if asked for and a decoder is there."""
        encoded = self.encoder(images)
        decoded = self.decoder(encoded.maps) if texture and self.decoder is not None else None
        return SANOutput(encoded.feature, encoded.logits, encoded.maps, decoded)

    def reconstruct(self, images: Tensor) -> DecoderOutput:
        """The texture step alone: trunk and decoder; `fc` and `classifier` and their statistics stay untouched."""
        if self.decoder is None:
            raise ValueError("this SAN was built without a decoder: it cannot reconstruct")
        return self.decoder(self.encoder.stages(images))


def create(arch: Architecture, people: int, decoder: bool = True, weights: Path = WEIGHTS) -> SAN:
    """A network with its starting weights: random, or with ImageNet's in its trunk if `arch.pretrained` says so.

    `weights` is the folder of <backbone>.pth. Raises FileNotFoundError that says where to put the file.
    """
    return begin(arch, people, decoder, weights)[0]


def begin(arch: Architecture, people: int, decoder: bool = True, weights: Path = WEIGHTS) -> tuple[SAN, dict[str, Any]]:
    """As `create`, with the report for load_report.json: what was loaded from ImageNet, if anything was."""
    model, report = SAN(arch, people, decoder), {"initialise": "scratch", "pretrained": arch.pretrained}
    if arch.pretrained == "imagenet":
        report |= load_imagenet(model.encoder, arch.backbone, weights, "san.pretrained: none").as_dict()
    return model, report
