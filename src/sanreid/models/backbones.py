"""The backbones by name: the section that chooses one, its modules, and loading ImageNet weights.

Decisions:
- A family of backbones is a file in families/ and a line in FAMILIES; every network here can use any of them ("SA-Enc
  can be any baseline network", Jin et al. 2020).
- timm is not used: its `features_only` networks dilate instead of setting the last stride to 1 (as PCB does), its
  MobileNetV2 ends before the 1280 channels and does not have the names of torchvision's weights, its own weights need
  the internet, and its import takes two more seconds in each stage. A backbone of timm can be wrapped in a family.
- A file of ImageNet weights is identified by its hash, which is recorded in the model folder.
"""

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Self

import torch
from pydantic import AfterValidator, model_validator
from torch import Tensor, nn

from sanreid import runtime
from sanreid.bounds import Channels, Pixels, Stride
from sanreid.models.blocks import BasicBlock, Bottleneck
from sanreid.models.families.family import Family, ImageNet
from sanreid.models.families.family import StageMaps as StageMaps
from sanreid.models.families.mobilenet import MobileNetV2
from sanreid.models.families.resnet import ResNet
from sanreid.params import Section

WEIGHTS = Path("data/weights")  # folder for files of ImageNet weights on a machine without internet
V1, V2 = "torchvision, IMAGENET1K_V1", "torchvision, IMAGENET1K_V2"

FAMILIES: dict[str, Family] = {
    "resnet18": ResNet(BasicBlock, (2, 2, 2, 2), {"f37072fd": V1}),
    "resnet34": ResNet(BasicBlock, (3, 4, 6, 3), {"b627a593": V1}),
    "resnet50": ResNet(Bottleneck, (3, 4, 6, 3), {"0676ba61": V1, "11ad3fa6": V2}),
    "mobilenet_v2": MobileNetV2(),
}


def family(name: str) -> Family:
    """The backbone of that name; ValueError where there is none."""
    if name not in FAMILIES:
        raise ValueError(f"backbone: '{name}' is unknown; choose one of {', '.join(FAMILIES)}")
    return FAMILIES[name]


def _known(name: str) -> str:
    family(name)
    return name


Name = Annotated[str, AfterValidator(_known)]


class Shape(Section):
    """A backbone's shape and the size of its input: the keys of every network's section."""

    backbone: Name
    width: Channels
    last_stride: Stride
    height: Pixels
    width_px: Pixels

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input in pixels."""
        return self.height, self.width_px

    def check_imagenet(self, key: str, otherwise: str) -> None:
        """ValueError if `key` asks for ImageNet weights that do not fit this shape; `otherwise` is the advice."""
        about = _imagenet(self.backbone)
        if self.width != about.width:
            raise ValueError(f"{key}: ImageNet weights fit width {about.width}, not {self.width}; {otherwise}")

    @model_validator(mode="after")
    def _maps_are_whole(self) -> Self:
        step = 16 * self.last_stride
        for key, pixels in (("height", self.height), ("width_px", self.width_px)):
            if pixels % step:
                raise ValueError(f"{key}: {pixels} is not a multiple of {step}, the stride of the last map")
        return self


class Trunk(nn.Module):
    """The layers of a backbone up to its last map, under its family's names.

    `width` is the channels of the first stage (64 = the published ResNet; MobileNetV2 has 32 of the first convolution);
    `channels` are those of the four maps.
    """

    def __init__(self, name: str, width: int = 64, last_stride: int = 1) -> None:
        super().__init__()
        self.family = family(name)
        modules, self.channels = self.family.layers(width, last_stride)
        for part, module in modules.items():
            self.add_module(part, module)

    def stages(self, images: Tensor) -> StageMaps:
        """Normalised images (N, 3, H, W) to the four stage maps."""
        return self.family.stages(self, images)


class Backbone(Trunk):
    """A trunk that is a module of its own: images (N, 3, H, W) -> StageMaps."""

    def forward(self, images: Tensor) -> StageMaps:
        """The four stage maps of normalised images (N, 3, H, W)."""
        return self.stages(images)


@dataclass(frozen=True)
class Loaded:
    """The starting weights of a trunk, for load_report.json; `origin` is None for a file with an unknown hash.

    `matched` are the trunk's tensors that were loaded, `left_out` the file's others: the 1000-class head.
    """

    file: str
    sha256: str
    origin: str | None
    matched: tuple[str, ...]
    left_out: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For load_report.json."""
        return asdict(self)

    def __str__(self) -> str:
        """One line."""
        origin = self.origin or "unknown origin: it is no published file, and the report notes its hash"
        return f"{self.file}: ImageNet weights ({origin}): {len(self.matched)} tensors loaded"


def load_imagenet(trunk: Trunk, name: str, folder: Path, otherwise: str = "pretrained: none") -> Loaded:
    """Load ImageNet weights from `folder`/<name>.pth into `trunk` (of the published width); returns a report.

    The ResNets' files are downloaded if missing. Raises FileNotFoundError that says how to get the file, or to set
    `otherwise`; ValueError if the file has another network. The 1000-class head is left out.
    """
    about = _imagenet(name)
    path = Path(folder) / f"{name}.pth"
    if not path.is_file() and about.fetched:
        _download(imagenet_url(name), path, otherwise)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not found; run `make weights`, which makes it, or set {otherwise}")
    remedy = f"use {imagenet_url(name)}" if about.fetched else "delete it and run `make weights`"
    content = path.read_bytes()
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises many kinds
        raise ValueError(f"{path}: not a state dict that loads safely ({error}); delete it and try again") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{path}: holds a {type(state).__name__}, not a state dict; {remedy}")
    left_out = tuple(key for key in state if key.startswith(about.head))
    state = {key: value for key, value in state.items() if key not in left_out}
    own = {k: v for k, v in trunk.state_dict().items() if k.startswith(trunk.family.starts)}
    # torchvision's oldest files lack the counters, which no number depends on
    missing = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
    unexpected = [k for k in state if k not in own]
    reshaped = [k for k in own if k in state and own[k].shape != state[k].shape]
    if missing or unexpected or reshaped:
        raise ValueError(
            f"{path}: not the weights of a {name}: missing {missing[:5]}, unexpected {unexpected[:5]}, "
            f"other shape {reshaped[:5]}; {remedy}"
        )
    if infinite := [k for k, v in state.items() if not v.isfinite().all()]:
        raise ValueError(f"{path}: '{infinite[0]}' holds nan or infinite numbers; {remedy}")
    trunk.load_state_dict(state, strict=False)
    digest = hashlib.sha256(content).hexdigest()
    origin = about.files.get(digest[:8]) or about.tensors.get(fingerprint(state))
    loaded = Loaded(str(path), digest, origin, tuple(k for k in own if k in state), left_out)
    runtime.log.info("%s", loaded)
    return loaded


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """A SHA-256 of named tensors on the CPU, in any order and without BatchNorm's counters."""
    digest = hashlib.sha256()
    for name in sorted(k for k in state if not k.endswith("num_batches_tracked")):
        digest.update(f"{name}{tuple(state[name].shape)}{state[name].dtype}".encode())
        digest.update(state[name].contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def imagenet_url(name: str) -> str:
    """Where torchvision publishes the weights: V1, what the published re-ID networks started from."""
    from torchvision import models  # here, since it takes four seconds

    return models.get_model_weights(name)["IMAGENET1K_V1"].url


def _imagenet(name: str) -> ImageNet:
    """The description of that backbone's ImageNet weights; ValueError if there are none."""
    about = family(name).imagenet
    if about is None:
        raise ValueError(f"backbone: there are no ImageNet weights for '{name}'; start it from scratch")
    return about


def _download(url: str, path: Path, otherwise: str) -> None:
    checksum = re.search(r"-([0-9a-f]{8})\.pth$", url)
    try:  # writes to a temporary name first, and checks the hash that the file name carries
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=checksum and checksum.group(1), progress=False)
    except (OSError, RuntimeError) as error:  # URLError and timeouts are OSErrors; a wrong hash is a RuntimeError
        raise FileNotFoundError(
            f"{path}: not found, and {url} cannot be fetched ({error}); download that file elsewhere and put it there "
            f"as {path.name}, or set {otherwise}"
        ) from error
