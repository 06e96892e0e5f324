"""MobileNetV2 with instance normalisation in early layers, to ignore cameras' colours (after IBN-Net, Pan et al. 2018).

Decisions: the first half of the channels of the first two maps is normalised for each picture, without weights of its
own, which removes a picture's own brightness, contrast and tint; the other half keeps them, since clothes are told by
their colours. The parameters are MobileNetV2's, and so its ImageNet weights load, and the network starts from them:
IBN-Net splits the normalisation inside each block and was trained on ImageNet anew; no package has such weights.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sanreid.models.families.family import StageMaps
from sanreid.models.families.mobilenet import ENDS, IMAGENET, MobileNetV2


class MobileNetV2IBN(MobileNetV2):
    """MobileNetV2 whose maps l1 and l2 are normalised in half of their channels; all else as there."""

    imagenet = IMAGENET._replace(file="mobilenet_v2")

    def stages(self, trunk: Any, images: Tensor) -> StageMaps:
        """Normalised images (N, 3, H, W) to the four stage maps."""
        first, second, third = ENDS
        l1 = half_normalised(trunk.features[:first](images))
        l2 = half_normalised(trunk.features[first:second](l1))
        l3 = trunk.features[second:third](l2)
        return StageMaps(l1, l2, l3, trunk.features[third:](l3))


def half_normalised(x: Tensor) -> Tensor:
    """(N, C, H, W): each of the first C // 2 channels of each picture at mean 0 and variance 1 over its pixels."""
    half = x.shape[1] // 2
    return torch.cat([F.instance_norm(x[:, :half]), x[:, half:]], 1)
