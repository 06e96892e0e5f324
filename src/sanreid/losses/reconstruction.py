"""Losses between decoded texture and target, both in [-1, 1]: L1 (Jin et al. 2020, section 3.2) and structure (ours).

Decisions: a plain mean as published; with weights, the weighted mean, so that values are comparable however few texels
count. L1 alone makes the decoder predict the median of all plausible textures, which is blurred; `structure` also
compares local contrast (1 - SSIM, Wang et al. 2004; as a loss: Zhao et al. 2017). A true perceptual loss would need a
network trained on photographs, which is not available without internet.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW, DEVIATION = 11, 1.5  # of the gaussian windows (Wang et al. 2004)
C1, C2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2  # for values that span 2


def l1(texture: Tensor, target: Tensor, visibility: Tensor | None = None) -> Tensor:
    """Mean absolute difference of texture and target, each (N, C, T, T).

    `visibility` are weights of the texels: (N, T, T) or (N or 1, 1, T, T), at least 0; if all are 0, the loss is 0.
    Raises ValueError for different shapes, which broadcasting would accept and average wrongly.
    """
    if texture.shape != target.shape:
        raise ValueError(f"reconstruction: texture {tuple(texture.shape)} against target {tuple(target.shape)}")
    difference = (texture.float() - target.float()).abs()
    if visibility is None:
        return difference.mean()
    weight = visibility[:, None] if visibility.ndim == 3 else visibility
    n, _, *side = texture.shape
    if weight.ndim != 4 or weight.shape[0] not in (1, n) or weight.shape[1] != 1 or list(weight.shape[2:]) != side:
        raise ValueError(f"reconstruction: visibility {tuple(visibility.shape)} for texture {tuple(texture.shape)}")
    weight = weight.float().expand(n, -1, -1, -1)
    total = weight.sum()
    # nothing visible: 0 / 1, a loss of 0 with zero gradient
    return (difference.mean(1, keepdim=True) * weight).sum() / total.where(total > 0, total.new_ones(()))


def structure(texture: Tensor, target: Tensor) -> Tensor:
    """Mean of 1 - SSIM over texels and channels of texture and target, each (N, C, T, T), in 0..2.

    Gaussian windows of 11 texels that reflect at the edge. Raises ValueError for shapes that differ, or smaller than
    a window's half.
    """
    if texture.shape != target.shape or min(texture.shape[2:]) <= WINDOW // 2:
        raise ValueError(f"structure: texture {tuple(texture.shape)} against target {tuple(target.shape)}")
    with torch.autocast(texture.device.type, enabled=False):  # variances are differences of close numbers
        x, y = texture.float(), target.float()
        n = len(x)
        # one pass for the five means
        mx, my, xx, yy, xy = _blur(torch.cat([x, y, x * x, y * y, x * y])).split(n)
        numerator = (2 * mx * my + C1) * (2 * (xy - mx * my) + C2)
        denominator = (mx * mx + my * my + C1) * (xx - mx * mx + yy - my * my + C2)
        return 1 - (numerator / denominator).mean()


def _blur(values: Tensor) -> Tensor:
    """Gaussian means of each texel's window, a channel at a time, rows then columns."""
    channels, half = values.shape[1], WINDOW // 2
    steps = torch.arange(WINDOW, device=values.device, dtype=torch.float32) - half
    window = torch.exp(-steps.square() / (2 * DEVIATION**2))
    window = (window / window.sum()).expand(channels, 1, -1)
    padded = F.pad(values, (half, half, half, half), mode="reflect")
    return F.conv2d(F.conv2d(padded, window[:, :, None], groups=channels), window[..., None], groups=channels)
