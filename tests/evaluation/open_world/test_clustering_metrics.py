"""Clustering metrics against scikit-learn's indices and a search through all matchings."""

from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from sanreid.evaluation.open_world.clustering_metrics import measure


def best_matching(classes, groups):
    """The largest share that is right, over every way to give each class a group of its own or none."""
    names = sorted(set(groups) - {-1})
    names += [None] * len(set(classes))
    ways = permutations(names, len(set(classes)))
    return max(sum(g == way[c] for c, g in zip(classes, groups, strict=True)) / len(classes) for way in ways)


@pytest.mark.parametrize("found", [1, 2, 3, 5])
def test_random_groups_are_measured_as_elsewhere(found):
    rng = np.random.default_rng(found)
    for _ in range(5):
        classes, groups = rng.integers(0, 3, 40), rng.integers(0, found, 40)
        groups[rng.integers(0, 40, 15)] = classes[rng.integers(0, 40, 15)] % found
        result = measure(classes, groups)
        assert (result.classes, result.found) == (len(set(classes)), len(set(groups)))
        assert result.accuracy == pytest.approx(best_matching(classes.tolist(), groups.tolist()))
        assert result.adjusted_rand == pytest.approx(adjusted_rand_score(classes, groups))
        assert result.mutual_information == pytest.approx(normalized_mutual_info_score(classes, groups))


def test_the_same_groups_by_other_names_agree_wholly():
    assert measure([0, 0, 7, 7, 3], [5, 5, 0, 0, 2]) == pytest.approx((3, 3, 1.0, 1.0, 1.0))
    assert measure([4, 4, 4], [1, 1, 1]) == (1, 1, 1.0, 1.0, 1.0)
    assert measure([0, 1, 2], [2, 1, 0]) == pytest.approx((3, 3, 1.0, 1.0, 1.0))
    assert measure([4], [0]) == (1, 1, 1.0, 1.0, 1.0)


def test_degenerate_groups_are_worth_nothing():
    one = measure([0, 0, 1, 1], [0, 0, 0, 0])
    assert one == (2, 1, 0.5, 0.0, 0.0)
    each = measure([0, 0, 1, 1], [0, 1, 2, 3])
    assert (each.found, each.accuracy, each.adjusted_rand) == (4, 0.5, 0.0)
    assert each.mutual_information == pytest.approx(normalized_mutual_info_score([0, 0, 1, 1], [0, 1, 2, 3]))


def test_images_in_no_group_are_wrong_and_no_group_found():
    result = measure([0, 0, 1, 1, 2, 2], [0, 0, 1, -1, -1, -1])
    assert (result.found, result.accuracy) == (2, 0.5)
    assert result.adjusted_rand == pytest.approx(adjusted_rand_score([0, 0, 1, 1, 2, 2], [0, 0, 1, 2, 2, 2]))
    assert measure([0, 1], [-1, -2])[:3] == (2, 0, 0.0)


@pytest.mark.parametrize(("classes", "groups"), [([], []), ([1], [1, 2]), ([[1]], [[1]])])
def test_lists_that_do_not_go_together_are_refused(classes, groups):
    with pytest.raises(ValueError, match="of one length, not empty"):
        measure(classes, groups)
