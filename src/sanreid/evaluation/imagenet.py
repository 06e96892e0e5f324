"""Features that know ImageNet and no people: the floor that a pretrained start has to rise above.

Decisions: MobileNetV2 as torchvision has it, its last map pooled, the last stride 1 as in re-ID networks. The weights
are a file under torchvision's names (its own download serves too); where there is none, the floor is left out.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from sanreid import faults

NAME = "mobilenet_v2"
SIZE = (128, 64)  # height and width in pixels, as the project's small networks see people
_PREFIX = "features."
LAST_STRIDED = "14.conv.1.0"  # the layer that halves the map for the last time


class Pooled(nn.Module):
    """Normalised images (N, 3, H, W) to the mean of the last map, (N, 1280)."""

    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features

    def forward(self, images: Tensor) -> Tensor:
        """The pooled features (N, 1280)."""
        return self.features(images).mean((2, 3))


def mobilenet(weights: Path) -> Pooled:
    """MobileNetV2 without its classifier, with the ImageNet weights of the file `weights`.

    Raises FileNotFoundError where there is none, ValueError naming the file where it holds anything else.
    """
    from torchvision import models  # here, since it takes seconds

    if not weights.is_file():
        raise FileNotFoundError(f"{weights}: not found; data/weights/README.md says how ImageNet's weights get there")
    features = models.mobilenet_v2().features
    remedy = f"it must be a state dict of torchvision's {NAME}"
    with faults.about(weights, remedy):
        state = torch.load(weights, map_location="cpu", weights_only=True)
        theirs = {k.removeprefix(_PREFIX): v for k, v in state.items() if k.startswith(_PREFIX)}
        ours = features.state_dict()
        counters = {k: v for k, v in ours.items() if k.endswith("num_batches_tracked") and k not in theirs}
        features.load_state_dict(theirs | counters)
    for name, layer in features.named_modules():
        if name == LAST_STRIDED and isinstance(layer, nn.Conv2d):
            layer.stride = (1, 1)
    return Pooled(features)
