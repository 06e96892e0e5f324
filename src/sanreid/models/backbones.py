"""ResNets that give their four stage maps, with torchvision's parameter names.

Decisions: the names are torchvision's, so that its weights and the released re-ID checkpoints load; the assembly is
ours, because the base width (a narrow network for a CPU) and the last stage's stride (1 keeps the map twice as fine,
Sun et al. 2018, PCB) are parameters here and constants there.
"""

import re
from pathlib import Path
from typing import Literal, NamedTuple, Self

import torch
from pydantic import model_validator
from torch import Tensor, nn

from sanreid.bounds import Channels, Pixels, Stride
from sanreid.models.blocks import BasicBlock, Bottleneck
from sanreid.params import Section

Name = Literal["resnet18", "resnet34", "resnet50"]
WEIGHTS = Path("data/weights")  # where a user without internet puts ImageNet's files, as the error says

LAYOUT: dict[str, tuple[type[BasicBlock | Bottleneck], tuple[int, int, int, int]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
}


class Shape(Section):
    """A ResNet's shape and the pictures it sees: what every network's section begins with."""

    backbone: Name
    width: Channels
    last_stride: Stride
    height: Pixels
    width_px: Pixels

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input in pixels."""
        return self.height, self.width_px

    @model_validator(mode="after")
    def _maps_are_whole(self) -> Self:
        step = 16 * self.last_stride
        for key, pixels in (("height", self.height), ("width_px", self.width_px)):
            if pixels % step:
                raise ValueError(f"{key}: {pixels} is not a multiple of {step}, the stride of the last map")
        return self


class StageMaps(NamedTuple):
    """The outputs of the four stages; (N, C, H/4, W/4), then half the size each, but the last at stride 1."""

    l1: Tensor
    l2: Tensor
    l3: Tensor
    l4: Tensor


class Trunk(nn.Module):
    """The layers of a ResNet up to its last map (He et al. 2016), named as torchvision names them.

    `width` is the channels of the first stage (64 = published); `channels` tells those of the four maps.
    """

    def __init__(self, name: Name, width: int = 64, last_stride: int = 1) -> None:
        super().__init__()
        if name not in LAYOUT:
            raise ValueError(f"backbone: '{name}' is unknown; choose one of {', '.join(LAYOUT)}")
        block, depths = LAYOUT[name]
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        planes = [width * 2**i for i in range(4)]
        self.channels: tuple[int, ...] = tuple(p * block.expansion for p in planes)
        entries = (width, *self.channels[:3])
        self.layer1 = stage(block, entries[0], planes[0], depths[0], 1)
        self.layer2 = stage(block, entries[1], planes[1], depths[1], 2)
        self.layer3 = stage(block, entries[2], planes[2], depths[2], 2)
        self.layer4 = stage(block, entries[3], planes[3], depths[3], last_stride)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def stages(self, images: Tensor) -> StageMaps:
        """Normalised images (N, 3, H, W) to the four stage maps."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        l1 = self.layer1(x)
        l2 = self.layer2(l1)
        l3 = self.layer3(l2)
        return StageMaps(l1, l2, l3, self.layer4(l3))


class Backbone(Trunk):
    """A trunk that is a module of its own: images (N, 3, H, W) -> StageMaps."""

    def forward(self, images: Tensor) -> StageMaps:
        """The four stage maps of normalised images (N, 3, H, W)."""
        return self.stages(images)


def load_imagenet(trunk: Trunk, name: Name, folder: Path) -> None:
    """Fill `trunk` (width 64) with ImageNet weights from `folder`/<name>.pth, downloaded there if absent.

    Raises FileNotFoundError that says where to put the file when there is neither file nor internet, ValueError when
    the file does not hold this network; the classifier of ImageNet's 1000 classes is left out.
    """
    url = imagenet_url(name)
    path = Path(folder) / f"{name}.pth"
    if not path.is_file():
        _download(url, path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises many kinds
        raise ValueError(f"{path}: not a state dict that loads safely ({error}); delete it and try again") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path}: holds a {type(state).__name__}, not a state dict; use {url}")
    state = {key: value for key, value in state.items() if not key.startswith("fc.")}
    own = {k: v for k, v in trunk.state_dict().items() if not k.startswith(("fc.", "classifier."))}
    # torchvision's oldest files lack the counters, which no number depends on
    missing = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
    unexpected = [k for k in state if k not in own]
    reshaped = [k for k in own if k in state and own[k].shape != state[k].shape]
    if missing or unexpected or reshaped:
        raise ValueError(
            f"{path}: not the weights of a {name}: missing {missing[:5]}, unexpected {unexpected[:5]}, "
            f"other shape {reshaped[:5]}; use {url}"
        )
    trunk.load_state_dict(state, strict=False)


def imagenet_url(name: Name) -> str:
    """Where torchvision publishes the weights: V1, what the published re-ID networks started from."""
    from torchvision import models  # here, since it takes four seconds

    return models.get_model_weights(name)["IMAGENET1K_V1"].url


def stage(block: type[BasicBlock | Bottleneck], entry: int, planes: int, depth: int, stride: int) -> nn.Sequential:
    """One of the four: `depth` blocks from `entry` channels to `planes` * expansion, the first of them at `stride`."""
    out = planes * block.expansion
    shortcut = None
    if stride != 1 or entry != out:
        shortcut = nn.Sequential(nn.Conv2d(entry, out, 1, stride=stride, bias=False), nn.BatchNorm2d(out))
    first = block(entry, planes, stride, shortcut)
    return nn.Sequential(first, *(block(out, planes) for _ in range(depth - 1)))


def _download(url: str, path: Path) -> None:
    checksum = re.search(r"-([0-9a-f]{8})\.pth$", url)
    try:  # writes to a temporary name first, and checks the hash that the file name carries
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=checksum and checksum.group(1), progress=False)
    except (OSError, RuntimeError) as error:  # URLError and timeouts are OSErrors; a wrong hash is a RuntimeError
        raise FileNotFoundError(
            f"{path}: not found, and {url} cannot be fetched ({error}); download that file elsewhere and put it there "
            f"as {path.name}, or set pretrained: none"
        ) from error
