"""SA-Dec: from the encoder's stage maps to the person's texture in UV space (Jin et al. 2020, section 3.1).

Decisions: names and order of the modules are those of the released code (`ConvResDecoder`), so that its checkpoints can
be loaded. Numbers of channels and the last block's upsampling are parameters, because on a CPU the published decoder is
slower than the encoder. A block that does not upsample has a placeholder, so that parameter names stay the same.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from sanreid.models.backbones import StageMaps
from sanreid.models.resize import Reflect, Upsample, bilinear


class DecoderOutput(NamedTuple):
    """The four maps that the Triplet ReID constraints use, and the texture (N, 3, T, T), not clipped to [-1, 1]."""

    x1: Tensor
    x2: Tensor
    x3: Tensor
    x4: Tensor
    texture: Tensor


class Decoder(nn.Module):
    """A U-Net-like decoder of residual blocks.

    `entries` are the channels of the encoder's four maps, `channels` the five of the decoder (paper: 512, 256, 64, 32,
    16), `upsamples` how many of its four blocks double the size (3 or 4), `texture` the side T of its output.
    """

    def __init__(self, entries: Sequence[int], channels: Sequence[int], upsamples: int, texture: int) -> None:
        super().__init__()
        if len(channels) != 5 or upsamples not in (3, 4):
            raise ValueError(f"decoder_channels: five numbers, decoder_upsamples: 3 or 4; got {channels}, {upsamples}")
        c0, c1, c2, c3, c4 = channels
        self.texture = texture
        self.embed_layer1 = _embed(entries[0], c2)
        self.embed_layer2 = _embed(entries[1], c1)
        self.embed_layer3 = _embed(entries[2], c0)
        self.reduce_dim = _embed(entries[3], c0)
        self.up1 = Up(c0, c1)
        self.up2 = Up(c1, c2)
        self.up3 = Up(c2, c3)
        self.up4 = Up(c3, c4, upsample=upsamples == 4)
        self.final_layer = nn.Sequential(Reflect(3), nn.Conv2d(c4, 3, 7))
        self.apply(_initialise)

    def forward(self, maps: StageMaps) -> DecoderOutput:
        """Stage maps (the last two of one size) -> x1..x4 and the texture (N, 3, T, T)."""
        x1 = self.up1(self.embed_layer3(maps.l3) + self.reduce_dim(maps.l4))
        x2 = self.up2(self.embed_layer2(maps.l2) + x1)
        x3 = self.up3(self.embed_layer1(maps.l1) + x2)
        x4 = self.up4(x3)
        # at the paper's size this doubles the width alone: a person is twice as high as wide, a texture is square
        size = (self.texture, self.texture)
        texture = bilinear(self.final_layer(x4).float(), size, align_corners=True)  # its weights are no bfloat16
        return DecoderOutput(x1, x2, x3, x4, texture)


class Residual(nn.Module):
    """Two 3x3 convolutions beside the identity; (N, C, H, W) to the same shape, without the last ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.res = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """x + res(x)."""
        return x + self.res(x)


class Up(nn.Module):
    """Residual block, ReLU, bilinear x2, 3x3 convolution; (N, C, H, W) -> (N, C', 2H, 2W), or the size kept."""

    def __init__(self, entry: int, out: int, upsample: bool = True) -> None:
        super().__init__()
        self.res = Residual(entry)
        larger = Upsample() if upsample else nn.Identity()
        self.conv = nn.Sequential(larger, Reflect(1), nn.Conv2d(entry, out, 3))

    def forward(self, x: Tensor) -> Tensor:
        """One step up the decoder."""
        return self.conv(F.relu(self.res(x)))


def _embed(entry: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(entry, out, 1), nn.BatchNorm2d(out), nn.ReLU(inplace=True))


def _initialise(module: nn.Module) -> None:
    """The released code's start: xavier normal of gain 0.02, BatchNorm weights ~ N(1, 0.02), biases 0."""
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_normal_(module.weight, gain=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
