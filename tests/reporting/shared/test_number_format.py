"""Numbers read alike everywhere, with true signs, and what is not known is left empty."""

import pytest

from sanreid.reporting.shared import number_format
from sanreid.reporting.shared.paired_differences import Comparison
from sanreid.reporting.shared.results import MEASURES, Method


def method(*values, floor=False):
    return Method("m", "m", floor, {k: {"rank1": v, "mAP": v / 2} for k, v in enumerate(values)}, {})


def comparison(rank1, mean_ap):
    points = {"rank1": rank1, "mAP": mean_ap}
    return Comparison("a", "b", {m: dict(enumerate(points.get(m, rank1))) for m in MEASURES})


@pytest.mark.parametrize(
    ("points", "words"), [(2.04, "+2.0"), (-0.44, "−0.4"), (-0.04, "+0.0"), (0.0, "+0.0"), (-10.04, "−10.0")]
)
def test_signs(points, words):
    assert number_format.signed(points) == words


def test_cells():
    assert number_format.cell(method(0.9345), "rank1") == "93.5"
    assert number_format.cell(method(0.93, 0.94), "rank1") == "93.5 ± 0.7"
    assert number_format.each_seed(method(0.9, 0.8)) == {0: "90.0 / 45.0", 1: "80.0 / 40.0"}
    assert number_format.each_seed(method(0.9, floor=True)) == {}
    assert number_format.texture_cell(method(0.9)) == ""
    assert number_format.published_cell(None) == ""


def test_differences():
    assert number_format.difference(comparison([5.0], [1.0]), "mAP") == "+1.0"
    assert number_format.difference(comparison([5.0] * 3, [1.0, 2.0, 3.0]), "mAP") == "+2.0 ± 1.0 [−0.5, +4.5]"


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
    assert number_format.shows(comparison(rank1, mean_ap)) == words
