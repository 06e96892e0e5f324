"""Charts put values where the axes say, keep labels apart and inside, and thin without inventing."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from sanreid.reporting.run import loss_curves
from sanreid.reporting.shared import line_chart
from sanreid.reporting.shared.line_chart import Line, chart, thin, ticks


def elements(svg: str, tag: str) -> list[ET.Element]:
    return list(ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}" + tag))


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([-\d.]+) ([-\d.]+)", path)]


def test_values_land_between_their_ticks():
    svg = chart([Line([0, 1, 2], [0.0, 50.0, 100.0], "m0")], "t", "epoch", (0, 100), (400, 300), y_label="percent")
    line = next(e for e in elements(svg, "path") if "line" in e.get("class"))
    (x0, y0), (x1, y1), (x2, y2) = points(line.get("d"))
    assert x0 < x1 < x2
    assert y0 > y1 > y2  # SVG counts downwards
    assert (x1, y1) == pytest.approx(((x0 + x2) / 2, (y0 + y2) / 2))
    grid = {e.text: float(e.get("y")) - 4 for e in elements(svg, "text") if e.get("text-anchor") == "end"}
    assert grid["100"] == pytest.approx(y2)
    assert grid["0"] == pytest.approx(y0)


def test_decades_are_equally_far_apart_on_a_log_axis():
    line = Line([1e-4, 1e-2, 1.0], [0.0, 50.0, 100.0], "m0")
    svg = chart([line], "t", "rate", (0, 100), (400, 300), log=True, y_label="percent")
    (x0, _), (x1, _), (x2, _) = points(next(e for e in elements(svg, "path") if "line" in e.get("class")).get("d"))
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.11)
    below = [e for e in elements(svg, "text") if e.get("text-anchor") == "middle"]
    assert [e.text for e in below if e.text != "rate"] == ["0.0001", "0.001", "0.01", "0.1", "1"]


def test_the_y_axis_has_a_name_or_rows_and_never_neither():
    line = Line([0, 1], [0.0, 2e-5], "m0")
    svg = chart([line], "t", "epoch", (0, 2e-5), y_label="loss, nats")
    words = [e.text for e in elements(svg, "text")]
    assert "loss, nats" in words
    assert {"0", "10⁻⁵", "2×10⁻⁵"} <= set(words)
    for rows, label in (((), ""), (("a",), "loss")):
        with pytest.raises(ValueError, match="chart 't': the y axis has either rows or a name"):
            chart([line], "t", "x", rows=rows, y_label=label)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (0.5, "0.5"), (1e-4, "0.0001"), (1e-5, "10⁻⁵"), (-1e-5, "−10⁻⁵"), (2.5e-12, "2.5×10⁻¹²"), (-3, "−3"),
     (1500, "1500"), (20000, "20,000")],
)  # fmt: skip
def test_numbers_are_written_as_people_write_them(value, words):
    assert line_chart.number(value) == words


def test_rows_have_their_names_and_marks_stand_in_them():
    marks = [Line([1.0], [i], "m0", f"row {i}", "circle") for i in range(3)]
    svg = chart(
        [*marks, Line([2.0], [1], "m0", "end", "line-ns")], "t", "points", x_range=(0, 4), rows=["a", "b\nwords", "c"]
    )
    ys = [float(e.get("cy")) for e in elements(svg, "circle")]
    assert ys[0] < ys[1] < ys[2]
    assert ys[1] - ys[0] == pytest.approx(ys[2] - ys[1], abs=0.2)
    end = next(e for e in elements(svg, "path") if "end" in e.get("class"))
    assert points(end.get("d"))[0][1] == pytest.approx(ys[1], abs=0.1)
    named = {"".join(e.itertext()): e for e in elements(svg, "text") if e.get("x") == "0"}
    assert list(named) == ["a", "bwords", "c"]
    assert float(named["a"].get("y")) == pytest.approx(ys[0] + 4, abs=0.1)
    widest = max(len(e.text) for e in elements(svg, "tspan")) * line_chart.LETTER
    assert widest < min(float(e.get("x")) for e in elements(svg, "text") if e.get("text-anchor") == "middle")


def test_gaps_are_skipped_and_nothing_is_an_error():
    svg = chart([Line([0, 1, 2], [1.0, float("nan"), 3.0], "m0")], "t", "x", y_label="y")
    assert "nan" not in svg
    with pytest.raises(ValueError, match="no finite value"):
        chart([Line([0.0], [float("nan")], "m0")], "held out", "x", y_label="y")


def test_words_are_escaped():
    svg = chart([Line([0, 1], [0, 1], "m0", "a<b & 2")], '"t"', "<x>", y_label="<y>")
    assert "a<b" not in svg
    assert "a&lt;b &amp; 2" in svg
    ET.fromstring(svg)


@pytest.mark.parametrize(("low", "high", "most"), [(0, 100, 6), (0.137, 0.91, 5), (3, 3.0004, 4), (0, 1e6, 5)])
def test_ticks_are_round_few_and_inside(low, high, most):
    found = ticks(low, high, most)
    assert 2 <= len(found) <= most
    assert low - 1e-9 <= found[0] <= found[-1] <= high + 1e-9
    steps = np.diff(found)
    assert np.allclose(steps, steps[0])
    mantissa = steps[0] / 10 ** np.floor(np.log10(steps[0]) + 1e-9)
    assert min(abs(mantissa - m) for m in (1, 2, 5)) < 1e-6


def test_thin_takes_means_of_neighbours():
    xs, ys = thin([1, 2, 3, 4, 5, 6], [1, 3, np.nan, 5, 7, np.nan], most=2)
    assert (xs, ys) == ([1.5, 4.5], [2.0, 6.0])
    assert thin([1, 2], [np.nan, np.nan]) == ([], [])
    assert thin([1, 2], [3, 4]) == ([1, 2], [3, 4])


def test_dots_stand_at_their_percentage():
    circles = elements(
        f'<svg xmlns="http://www.w3.org/2000/svg">{line_chart.dots([0.0, 0.5, 1.0], "m1", False)}</svg>', "circle"
    )
    xs = [float(c.get("cx")) for c in circles]
    assert xs == pytest.approx([5, 95, 185])
    assert {c.get("class") for c in circles} == {"m1"}


def history(folder, **columns):
    folder.mkdir(parents=True)
    table = {"epoch": [1, 1, 2, 2], "step": [1, 2, 3, 4], "lr": [0.1] * 4} | columns
    pd.DataFrame(table).to_csv(folder / "history.csv", index=False)


def test_terms_are_what_is_neither_counter_nor_empty(tmp_path):
    history(tmp_path / "m", id=[4.0, 3, 2, 1], off=[np.nan] * 4)
    assert loss_curves.terms(loss_curves.read(tmp_path / "m/history.csv")) == ["id"]


def test_variants_share_a_chart_a_term_and_terms_that_are_off_are_left_out(tmp_path):
    history(tmp_path / "a/seed0", id=[4.0, 3, 2, 1], reconstruction=[0.0] * 4)
    history(tmp_path / "a/seed1", id=[4.0, 3, 2, 1], reconstruction=[0.0] * 4)
    history(tmp_path / "b/seed0", id=[5.0, 3, 2, 1], reconstruction=[0.5] * 4)
    runs = {"a": {k: tmp_path / f"a/seed{k}" for k in (0, 1)}, "b": {0: tmp_path / "b/seed0"}}
    charts = loss_curves.of_variants(runs, "t", {"a": "m0", "b": "m1"})
    assert charts.legend == {"a": "m0", "b": "m1"}
    first, second = charts.svgs
    assert first.count('class="line m0 seed"') == 2
    assert "a, seed 1" in first
    assert first.count('class="line m1 seed"') == 1
    assert "reconstruction" in second
    assert 'class="line m0 seed"' not in second


def test_a_missing_history_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="history"):
        loss_curves.of_model(tmp_path, "SAN-PG")
    (tmp_path / "history.csv").write_text("step,id\n1,2\n")
    with pytest.raises(ValueError, match="no column epoch"):
        loss_curves.of_model(tmp_path, "SAN-PG")
