"""The drawings of attributes: well-formed SVG with the counts in it, bars and cells as large as the shares."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from sanreid.reporting.shared import class_charts

SVG = "{http://www.w3.org/2000/svg}"
CLASSES = {"hat": ("no", "yes"), "age": ("young", "teen<ager", "adult", "old")}
COUNTS = {"train": {"hat": [30, 10], "age": [1, 2, 3, 34]}, "val": {"hat": [10, 0], "age": [0, 5, 5, 0]}}


def texts(svg):
    return ["".join(t.itertext()) for t in ET.fromstring(svg).iter(f"{SVG}text")]


def test_a_histogram_shows_shares_and_says_counts():
    svg = class_charts.histograms(COUNTS, CLASSES)
    bars = [r for r in ET.fromstring(svg).iter(f"{SVG}rect") if "height" in r.attrib and r.attrib["x"] != "0"]
    widths = {c: [float(b.attrib["width"]) for b in bars if b.attrib["class"] == c][-6:] for c in ("b0", "b1")}
    full = class_charts.PLOT
    assert widths["b0"] == pytest.approx([full * s for s in (0.75, 0.25, 0.025, 0.05, 0.075, 0.85)], abs=0.06)
    assert widths["b1"] == pytest.approx([full * s for s in (1, 0, 0, 0.5, 0.5, 0)], abs=0.06)
    assert "teen&lt;ager: 5.0 %, 2 images" in svg  # on hover
    said = texts(svg)
    assert {"train", "val", "hat", "age", "teen<ager", "34", "30"} <= set(said)
    with pytest.raises(ValueError, match="one to three splits"):
        class_charts.histograms({}, CLASSES)


def test_an_empty_split_has_no_bars_and_no_division_by_zero():
    svg = class_charts.histograms({"train": {"hat": [0, 0], "age": [0] * 4}}, CLASSES)
    assert "nan" not in svg


def test_a_confusion_matrix_colours_recall_and_counts_every_image():
    counts = np.array([[6, 2], [0, 0]])
    svg = class_charts.confusion({"hat": counts}, CLASSES)
    opacities = [float(v) for v in re.findall(r'fill-opacity="([\d.]+)"', svg)]
    assert opacities == [0.75, 0.25]
    said = texts(svg)
    assert any(t.startswith("6") for t in said)
    assert any(t.startswith("2") for t in said)
    assert "8 images, true ↓ told →" in said
    assert len([r for r in ET.fromstring(svg).iter(f"{SVG}rect") if r.attrib["class"] == "diagonal"]) == 2
