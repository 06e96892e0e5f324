"""The triplet loss on cosine distances, 1 - cos, for random triplets or the hardest of a batch.

Decision: the same functions as squared_triplet.py, so that either can be chosen. 1 - cos is half the squared distance
of the unit vectors, and is computed in that way: from differences, in float32, as in triplet.py.
"""

import torch.nn.functional as F
from torch import Tensor

from sanreid.losses import squared_triplet


def drawn(anchors: Tensor, positives: Tensor, negatives: Tensor, margin: float) -> Tensor:
    """Mean of max(0, margin + d(a, p) - d(a, n)), d = 1 - cos in [0, 2], over triplets of features, (N, D) each."""
    return squared_triplet.drawn(unit(anchors), unit(positives), unit(negatives), 2 * margin) / 2


def batch_hard(features: Tensor, pids: Tensor, margin: float) -> Tensor:
    """`triplet.batch_hard` of features (N, D) and pids (N,) with cosine distances."""
    return squared_triplet.batch_hard(unit(features), pids, 2 * margin) / 2


def unit(features: Tensor) -> Tensor:
    """Features (N, D) at length 1, in float32; a vector of zeros stays as it is."""
    return F.normalize(features.float(), dim=1)
