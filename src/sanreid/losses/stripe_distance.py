"""AlignedReID's local distance with gradients, for losses (Zhang et al. 2017, section 3.1).

evaluation/local_distance.py computes the same without gradients, in blocks. The distance is the cost of the shortest
path from the first stripe of both images to the last of both, right or down, over d_ij = tanh(e_ij / 2), where e_ij is
the euclidean distance of the unit-normalised stripe i of one image and j of the other.

Decisions: the paper's (exp(e) - 1) / (exp(e) + 1) is tanh(e / 2), which does not overflow. The dynamic programme goes
along antidiagonals, whose cells are independent: 2H - 1 steps for all pairs at once, instead of H * H. Distances are
computed from differences, as in the triplet loss, with gradient 0, not NaN, if two stripes are equal; a zero stripe
(after ReLU) stays zero. Always float32.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def pairs(one: Tensor, other: Tensor) -> Tensor:
    """The local distances (B,) of stripes (B, H, c) of B images and as many others."""
    _check(one, other)
    if len(one) != len(other):
        raise ValueError(f"local distance: {len(one)} images against {len(other)}; `all_pairs` takes different numbers")
    return shortest(costs(one, other))


def all_pairs(one: Tensor, other: Tensor) -> Tensor:
    """The local distances (N, M) of stripes (N, H, c) and (M, H, c)."""
    _check(one, other)
    (n, height, width), m = one.shape, len(other)
    flat = costs(one.reshape(1, n * height, width), other.reshape(1, m * height, width))
    return shortest(flat.reshape(n, height, m, height).permute(0, 2, 1, 3))


def costs(one: Tensor, other: Tensor) -> Tensor:
    """tanh(e / 2) of each stripe of (B, H, c) with each of (B, K, c), unit-normalised here: (B, H, K) in 0..0.77."""
    with torch.autocast(one.device.type, enabled=False):
        a, b = _unit(one.float()), _unit(other.float())
        return torch.tanh(torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist") / 2)


def shortest(d: Tensor) -> Tensor:
    """The cost (...) of the shortest path through d (..., H, K) from the first cell to the last, right or down.

    The gradient is 1 along the path; where two paths cost the same they share it.
    """
    *_, height, width = d.shape
    # row i moved i to the right: column k holds the antidiagonal i + j = k, infinite where it leaves the matrix
    skewed = F.pad(d, (0, height), value=torch.inf).flatten(-2)[..., :-height].unflatten(-1, (height, -1))
    cost = F.pad(d[..., 0, :1], (0, height - 1), value=torch.inf)  # by row
    for k in range(1, height + width - 1):
        above = F.pad(cost[..., :-1], (1, 0), value=torch.inf)
        cost = skewed[..., k] + torch.minimum(cost, above)
    return cost[..., -1]


def _unit(stripes: Tensor) -> Tensor:
    """Stripes (..., c) of length 1, or of 0 where they were 0."""
    length = torch.linalg.vector_norm(stripes, dim=-1, keepdim=True)
    return stripes / length.where(length > 0, length.new_ones(()))


def _check(one: Tensor, other: Tensor) -> None:
    if one.ndim != 3 or one.shape[1:] != other.shape[1:]:
        raise ValueError(
            f"local distance: stripes {tuple(one.shape)} and {tuple(other.shape)} must be (N, H, c) of one model"
        )
