"""Numbers read alike everywhere, with true signs, and what is not known is left empty."""

import pytest

from sanreid.reporting import wording
from sanreid.reporting.comparisons import Comparison
from sanreid.reporting.results import MEASURES, Method


def method(*values, floor=False):
    return Method("m", "m", floor, {k: {"rank1": v, "mAP": v / 2} for k, v in enumerate(values)}, {})


def comparison(rank1, mean_ap):
    points = {"rank1": rank1, "mAP": mean_ap}
    return Comparison("a", "b", {m: dict(enumerate(points.get(m, rank1))) for m in MEASURES})


@pytest.mark.parametrize(
    ("points", "words"), [(2.04, "+2.0"), (-0.44, "−0.4"), (-0.04, "+0.0"), (0.0, "+0.0"), (-10.04, "−10.0")]
)
def test_signs(points, words):
    assert wording.signed(points) == words


def test_cells():
    assert wording.cell(method(0.9345), "rank1") == "93.5"
    assert wording.cell(method(0.93, 0.94), "rank1") == "93.5 ± 0.7"
    assert wording.each_seed(method(0.9, 0.8)) == {0: "90.0 / 45.0", 1: "80.0 / 40.0"}
    assert wording.each_seed(method(0.9, floor=True)) == {}
    assert wording.texture_cell(method(0.9)) == ""
    assert wording.published_cell(None) == ""


def test_differences():
    assert wording.difference(comparison([5.0], [1.0]), "mAP") == "+1.0"
    assert wording.difference(comparison([5.0] * 3, [1.0, 2.0, 3.0]), "mAP") == "+2.0 ± 1.0 [−0.5, +4.5]"


@pytest.mark.parametrize(
    ("rank1", "mean_ap", "words"),
    [
        ([5.0, 5.1], [5.0, 5.1], "too few seeds"),
        ([5.0, 5.1, 5.2], [1.0, 1.1, 1.2], "gain"),
        ([5.0, 5.1, 5.2], [-9.0, 1.0, 9.0], "gain in rank-1"),
        ([5.0, 5.1, 5.2], [-5.0, -5.1, -5.2], "gain in rank-1, loss in mAP"),
        ([-9.0, 1.0, 9.0], [-9.0, 1.0, 9.0], "no difference shown"),
    ],
)
def test_what_a_comparison_shows(rank1, mean_ap, words):
    assert wording.shows(comparison(rank1, mean_ap)) == words
