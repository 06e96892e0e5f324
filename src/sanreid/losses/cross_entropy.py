"""The ID loss: cross entropy with label smoothing.

Decision: torch's function, which spreads the smoothed part over all classes including the right one, as Szegedy et al.
2016 (section 7) and the usual re-ID code do.
"""

import torch.nn.functional as F
from torch import Tensor


def smoothed(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Mean cross entropy of logits (N, people) to labels (N,) in 0..people-1; `smoothing` 0.1 in the paper."""
    return F.cross_entropy(logits.float(), labels, label_smoothing=smoothing)
