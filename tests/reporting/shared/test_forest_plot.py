"""A forest plot puts seeds, mean and interval where the axis says, and cuts what leaves it with an arrow."""

import re
import xml.etree.ElementTree as ET

import pytest

from sanreid.reporting.shared.forest_plot import Row, forest, limits

WIDE = Row("a − b", {0: 2.0, 1: -1.0}, 0.5, (-18.6, 19.6), "+0.5 [−18.6, +19.6]", "m0", False)
GAIN = Row("c − b", {0: 2.0, 1: 4.0, 2: 3.0}, 3.0, (0.5, 5.5), "+3.0 [+0.5, +5.5]", "m1", True)


def elements(svg: str, tag: str, kind: str) -> list[ET.Element]:
    found = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}" + tag)
    return [e for e in found if kind in e.get("class", "").split()]


def scale(svg: str):
    """Points -> px, from two ticks of the axis."""
    texts = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    ticks = {t.text: float(t.get("x")) for t in texts if t.get("text-anchor") == "middle" and t.text != "points"}
    (v0, x0), (v1, x1) = [(float(k.replace("−", "-")), x) for k, x in ticks.items()][:2]
    return lambda points: x0 + (points - v0) / (v1 - v0) * (x1 - x0)


def test_everything_stands_where_the_axis_says():
    svg = forest([GAIN], "t")
    px = scale(svg)
    assert [float(c.get("cx")) for c in elements(svg, "circle", "seed")] == pytest.approx(
        [px(2), px(4), px(3)], abs=0.2
    )
    (mean,) = elements(svg, "circle", "mean")
    assert float(mean.get("cx")) == pytest.approx(px(3), abs=0.2)
    whisker = elements(svg, "path", "line")[0].get("d")
    ends = [float(x) for x in re.findall(r"[ML]([\d.]+)", whisker)]
    assert ends == pytest.approx([px(0.5), px(5.5)], abs=0.2)
    (zero,) = elements(svg, "path", "zero")
    assert float(re.match(r"M([\d.]+)", zero.get("d"))[1]) == pytest.approx(px(0), abs=0.2)


def test_a_whisker_that_leaves_the_plot_ends_in_an_arrow():
    for row, arrows in ((WIDE, True), (GAIN, False)):
        ends = elements(forest([row], "t"), "path", "end")
        assert ["l" in end.get("d") for end in ends] == [arrows] * 2


def test_the_axis_is_the_seeds_and_holds_zero():
    low, high = limits([WIDE])
    assert -5 < low < -1.9
    assert 3.8 < high < 5
    low, high = limits([GAIN])
    assert low < 0 < 5.5 < high < 7
    assert limits([Row("a", {0: 0.0}, 0.0, None, "", "m0", False)])[1] > 0


def test_only_a_claim_is_filled_and_one_seed_has_no_whisker():
    marks = elements(forest([WIDE, GAIN], "t"), "circle", "mean")
    assert [("claimed" in m.get("class"), "open" in m.get("class")) for m in marks] == [(False, True), (True, False)]
    alone = forest([Row("a", {0: 1.0}, 1.0, None, "+1.0", "m0", False)], "t")
    assert elements(alone, "path", "line") == elements(alone, "path", "end") == []


def test_words_are_escaped_and_stay_inside():
    svg = forest([Row("a<b − c", {0: 1.0}, 1.0, None, "<1>", "m0", False)], '"t"', width=400)
    assert "a<b" not in svg
    root = ET.fromstring(svg)
    assert float(root.get("viewBox").split()[2]) == 400
    assert all(0 <= float(t.get("x")) <= 400 for t in root.iter("{http://www.w3.org/2000/svg}text"))
    with pytest.raises(ValueError, match="no comparison"):
        forest([], "t")
