"""L1 between the decoded texture and its target, both in [-1, 1] (Jin et al. 2020, section 3.2).

Decisions: plain mean as published; with weights, the mean over weighted texels, so that the value stays comparable
however few texels count.
"""

from torch import Tensor


def l1(texture: Tensor, target: Tensor, visibility: Tensor | None = None) -> Tensor:
    """Mean absolute difference of texture and target, each (N, C, T, T).

    `visibility` weighs texels: (N, T, T) or (N or 1, 1, T, T), at least 0; 0 where nothing counts gives loss 0.
    Raises ValueError for shapes that differ: broadcasting would average the wrong thing in silence.
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
