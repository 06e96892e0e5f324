"""The classifiers' table and its intervals."""

import pytest
from scipy.stats import binomtest

from sanreid.reporting.digits import classifiers
from sanreid.reporting.digits.classifiers import Row


@pytest.mark.parametrize(("right", "of"), [(0, 10), (10, 10), (917, 1000), (1, 3)])
def test_intervals_are_wilsons(right, of):
    expected = binomtest(right, of).proportion_ci(method="wilson")
    assert classifiers.wilson(right, of) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_an_interval_by_hand():  # z = 1.96: (1/3 + z^2 / 6 -+ z sqrt(2/27 + z^2 / 36)) / (1 + z^2 / 3)
    assert classifiers.wilson(1, 3) == pytest.approx((0.0615, 0.7923), abs=1e-4)


def test_the_table_tells_percent_and_the_frame_fractions():
    rows = [Row("perceptron", 917, 1000, 4000, 203530, 5, 1.4)]
    text = classifiers.markdown(rows, {"theirs": 99.47})
    assert "| perceptron | 91.7 | 89.8 to 93.3 | 203,530 | 5 | 1 s |" in text
    assert "| *theirs (published)* | 99.47 |" in text
    assert "4,000 training digits, tested on 1,000" in text
    frame = classifiers.frame(rows)
    assert frame.loc[0, "accuracy"] == pytest.approx(0.917)
    assert frame.loc[0, "model"] == "perceptron"
