"""ResNets (He et al. 2016), with torchvision's parameter names.

Decisions: the names are torchvision's, so that its weights and the released re-ID checkpoints load. The class is not,
because torchvision's has no parameters for the width (narrow networks for a CPU) and the last stage's stride (1 gives a
map of twice the resolution, Sun et al. 2018, PCB).
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sanreid.models.blocks import BasicBlock, Bottleneck
from sanreid.models.families.family import Family, ImageNet, Layers, StageMaps, draw

Block = type[BasicBlock | Bottleneck]


class ResNet(Family):
    """`depths` are the blocks of the four stages, `files` as ImageNet's: first digits of a SHA-256 to the origin."""

    starts = ("conv1.", "bn1.", "layer")

    def __init__(self, block: Block, depths: tuple[int, int, int, int], files: Mapping[str, str]) -> None:
        self.block, self.depths = block, depths
        self.imagenet = ImageNet(width=64, head="fc.", files=files, tensors={}, fetched=True)

    def layers(self, width: int, last_stride: int) -> Layers:
        """`width` is the channels of the first stage (64 = published)."""
        planes = [width * 2**i for i in range(4)]
        first, second, third, fourth = (p * self.block.expansion for p in planes)
        modules = {
            "conv1": nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False),
            "bn1": nn.BatchNorm2d(width),
            "relu": nn.ReLU(inplace=True),
            "maxpool": nn.MaxPool2d(3, stride=2, padding=1),
            "layer1": stage(self.block, width, planes[0], self.depths[0], 1),
            "layer2": stage(self.block, first, planes[1], self.depths[1], 2),
            "layer3": stage(self.block, second, planes[2], self.depths[2], 2),
            "layer4": stage(self.block, third, planes[3], self.depths[3], last_stride),
        }
        for module in modules.values():
            draw(module)
        return Layers(modules, (first, second, third, fourth))

    def stages(self, trunk: Any, images: Tensor) -> StageMaps:
        """Normalised images (N, 3, H, W) to the four stage maps."""
        x = trunk.maxpool(trunk.relu(trunk.bn1(trunk.conv1(images))))
        l1 = trunk.layer1(x)
        l2 = trunk.layer2(l1)
        l3 = trunk.layer3(l2)
        return StageMaps(l1, l2, l3, trunk.layer4(l3))

    def fourth(self, trunk: Any) -> nn.Sequential:
        """Stage 4."""
        return trunk.layer4

    def longer_fourth(self, width: int, last_stride: int) -> nn.Sequential:
        """Stage 4 with one block more at its end."""
        entry = width * 4 * self.block.expansion
        longer = stage(self.block, entry, width * 8, self.depths[3] + 1, last_stride)
        draw(longer)
        return longer


def stage(block: Block, entry: int, planes: int, depth: int, stride: int) -> nn.Sequential:
    """One of the four: `depth` blocks from `entry` channels to `planes` * expansion, the first of them at `stride`."""
    out = planes * block.expansion
    shortcut = None
    if stride != 1 or entry != out:
        shortcut = nn.Sequential(nn.Conv2d(entry, out, 1, stride=stride, bias=False), nn.BatchNorm2d(out))
    first = block(entry, planes, stride, shortcut)
    return nn.Sequential(first, *(block(out, planes) for _ in range(depth - 1)))
