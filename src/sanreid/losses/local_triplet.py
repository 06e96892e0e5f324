"""AlignedReID's local triplet loss: batch-hard on the aligned distance of stripes (Zhang et al. 2017, section 3.2).

Decisions: as published, it takes the samples that are hardest by the global distance, so that 2N local distances are
computed and not N * N; mining by the local distance itself is `triplet.on_distances` on `stripe_distance.all_pairs`,
whose matrix mutual learning compares as well.
"""

from torch import Tensor

from sanreid.losses import stripe_distance, triplet


def on_samples(stripes: Tensor, samples: tuple[Tensor, Tensor], margin: float) -> Tensor:
    """Mean over anchors of max(0, margin + local distance to the positive - that to the negative).

    Stripes (N, H, c); `samples` are the numbers of the anchors' positives and negatives, (N,) each, as
    `triplet.hardest` gives them from the global distances.
    """
    positive, negative = (stripe_distance.pairs(stripes, stripes[numbers]) for numbers in samples)
    return triplet.hinge(positive, negative, margin)
