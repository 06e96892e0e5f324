"""Multi-query evaluation (Zheng et al., ICCV 2015, section 5): a person's images of one camera form one query.

Decision: only the pooling is here; the pooled features are ranked by `ranking.evaluate` like any others.
"""

from typing import Literal

import numpy as np

from sanreid.evaluation.ranking import Embeddings


def pool(images: Embeddings, how: Literal["mean", "max"] = "mean") -> Embeddings:
    """One feature for each (person, camera) of `images` (N, D): the mean or the maximum of theirs, in each dimension.

    The pairs keep the order in which they first appear. Raises ValueError where the cameras are not known.
    """
    if images.camids is None:
        raise ValueError("multi-query pools a person's images of one camera: give camids")
    pairs = np.stack([images.pids, images.camids], 1)
    _, first, group = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
    appearance = np.argsort(np.argsort(first))  # of each group
    group = appearance[group.reshape(-1)]
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(first)))
    reduce = np.maximum if how == "max" else np.add
    features = reduce.reduceat(images.features[order], starts, axis=0)
    if how == "mean":
        features /= np.bincount(group)[:, None]
    first = np.sort(first)
    return Embeddings(features, images.pids[first], images.camids[first])
