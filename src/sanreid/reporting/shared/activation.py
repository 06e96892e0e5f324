"""Where a network's feature looks: the strength of its last map, laid over the picture.

Decisions: strength is the L2 norm over the channels of the last feature map (as Zagoruyko and Komodakis, ICLR 2017,
draw attention), since the feature is that map's mean; it is scaled picture by picture, so colours tell where in a
picture, and not which picture is stronger. No class and no gradient is asked for.
"""

from typing import Any, cast

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from sanreid.evaluation import features
from sanreid.reporting.shared.image_grids import Picture

SHARE = 0.5  # of the colours in the mixture


def strengths(net: nn.Module, images: Tensor, batch: int) -> NDArray[np.float32]:
    """(N, h, w) in [0, 1] of uint8 images (N, 3, H, W), from the last map (N, C, h, w) of `net.encoder`.

    A network of two branches takes a part of its feature from a map beside that one, which is not looked at.
    """
    kept: list[Tensor] = []
    sizes: list[tuple[int, ...]] = []

    def norm(_: object) -> Tensor:
        found = kept.pop().float()
        sizes.append(tuple(found.shape[2:]))
        return found.norm(dim=1).flatten(1)

    def keep(_module: nn.Module, _given: object, output: Any) -> None:
        kept.append(getattr(output, "maps", output).l4)  # SAN's encoder tells its maps among other things

    hook = cast("nn.Module", net.encoder).register_forward_hook(keep)
    try:
        flat = features.extract(net, images, batch, read=norm)
    finally:
        hook.remove()
    flat = flat.reshape(len(images), *sizes[0])
    low, high = flat.min((1, 2), keepdims=True), flat.max((1, 2), keepdims=True)
    return (flat - low) / np.maximum(high - low, np.float32(1e-12))


def overlay(picture: Picture, strength: NDArray[np.float32]) -> Picture:
    """The (H, W, 3) picture in grey under the colours (blue little, red much) of its `strength` (h, w) in [0, 1]."""
    size = picture.shape[1], picture.shape[0]
    grey = np.asarray(Image.fromarray(picture).convert("L"), np.float32)[..., None]
    large = Image.fromarray((255 * strength).astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
    colours = 255 * matplotlib.colormaps["turbo"](np.asarray(large))[..., :3]
    return np.clip(np.rint((1 - SHARE) * grey + SHARE * colours), 0, 255).astype(np.uint8)
