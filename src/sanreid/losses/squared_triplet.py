"""The triplet loss on squared euclidean distances, for random triplets or the hardest of a batch.

Decision: squared, as in FaceNet (Schroff et al. 2015) and the two-branch networks: the margin is in squared units, and
the gradient of a pair grows with its distance. Computed from differences in float32, as in triplet.py.
"""

from torch import Tensor

from sanreid.losses import triplet


def drawn(anchors: Tensor, positives: Tensor, negatives: Tensor, margin: float) -> Tensor:
    """Mean of max(0, margin + |a - p|^2 - |a - n|^2) over triplets of features, (N, D) each."""
    same, other = ((anchors.float() - x.float()).square().sum(1) for x in (positives, negatives))
    return triplet.hinge(same, other, margin)


def batch_hard(features: Tensor, pids: Tensor, margin: float) -> Tensor:
    """`triplet.batch_hard` of features (N, D) and pids (N,) with squared distances."""
    return triplet.on_distances(triplet.pairwise(features).square(), pids, margin)
