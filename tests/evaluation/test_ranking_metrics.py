"""What a ranking says of itself: its curve's end, and its metrics by name."""

import pytest

from sanreid.evaluation.ranking import evaluate_distances


def test_cmc_is_longer_than_the_gallery_and_ends_at_one():
    result = evaluate_distances([[3.0, 2.0, 1.0]], [1], [1, 2, 3], max_rank=6)
    assert result.cmc.tolist() == [0, 0, 1, 1, 1, 1]
    assert result.rank(3) == 1
    with pytest.raises(ValueError, match="max_rank >= 7"):
        result.rank(7)


def test_metrics_are_named_as_every_table_expects():
    metrics = evaluate_distances([[2.0, 1.0]], [1], [1, 2]).metrics()
    expected = {"rank1": 0, "rank5": 1, "rank10": 1, "mAP": 0.5, "mINP": 0.5, "queries": 1, "left_out": 0, "gallery": 2}
    assert metrics == expected
    assert list(metrics) == list(expected)
