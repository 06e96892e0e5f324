"""ImageNet features without re-ID training: the trivial baseline for networks that start from ImageNet.

Decisions: MobileNetV2 of models/, its last map pooled, with last stride 1 as in re-ID networks. The weights are a file
with torchvision's names (torchvision's own file works too); without one this baseline is left out.
"""

from pathlib import Path

import torch
from torch import Tensor

from sanreid import faults
from sanreid.models import backbones
from sanreid.models.families.mobilenet import STEM

NAME = "mobilenet_v2"
SIZE = (128, 64)  # height and width in pixels, as in the project's small networks


class Pooled(backbones.Trunk):
    """Normalised images (N, 3, H, W) to the mean of the last map, (N, 1280)."""

    def forward(self, images: Tensor) -> Tensor:
        """The pooled features (N, 1280)."""
        return self.stages(images).l4.mean((2, 3))


def mobilenet(weights: Path) -> Pooled:
    """MobileNetV2 without its classifier, with the ImageNet weights of the file `weights`.

    Raises FileNotFoundError where there is none, ValueError naming the file where it holds anything else.
    """
    if not weights.is_file():
        raise FileNotFoundError(f"{weights}: not found; data/weights/README.md says how ImageNet's weights get there")
    net = Pooled(NAME, STEM, last_stride=1)
    with faults.about(weights, f"it must be a state dict of torchvision's {NAME}"):
        state = torch.load(weights, map_location="cpu", weights_only=True)
        theirs = {k: v for k, v in state.items() if k.startswith(net.family.starts)}
        ours = net.state_dict()
        counters = {k: v for k, v in ours.items() if k.endswith("num_batches_tracked") and k not in theirs}
        net.load_state_dict(theirs | counters)
    return net
