"""Average linkage of listed pairs against scipy's, which holds the whole matrix."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster
from scipy.cluster.hierarchy import linkage as whole
from scipy.spatial.distance import squareform

from sanreid.evaluation.open_world import clustering_metrics
from sanreid.search import linkage


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("least", [0.05, 0.1, 0.4])
def test_the_groups_are_those_of_the_whole_matrix(seed, least):
    random = np.random.default_rng(seed)
    places = random.normal(size=(120, 2))
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    shares = np.where(apart < 0.9, 1 - apart, 0) * (apart > 0)
    first, second = (pair.tolist() for pair in np.nonzero(np.triu(shares)))
    found = linkage.average(120, (first, second), shares[first, second].tolist(), least)
    tree = whole(squareform(1 - shares - np.eye(120), checks=False), "average")
    want = fcluster(tree, 1 - least, "distance")
    assert 2 < len(np.unique(want)) < 120
    assert clustering_metrics.measure(want, found).adjusted_rand == 1


def test_nobody_who_shares_nothing_is_joined():
    assert linkage.average(3, ([], []), [], 0.1).tolist() == [0, 1, 2]
    assert len(np.unique(linkage.average(3, ([0], [2]), [0.5], 0.1))) == 2
