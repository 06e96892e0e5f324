"""The grids' axes, tables and maps: every number in its place."""

import re
import xml.etree.ElementTree as ET

import pytest

from sanreid.reporting.digits import sweep
from sanreid.reporting.digits.sweep import Result

DECAY = {"lr1.0_wd0.1_b64": 9.8, "lr0.1_wd0.1_b64": 10.09, "lr1.0_wd0.01_b64": 60.72, "lr0.1_wd0.01_b64": None}
BATCH = {"lr1.0_wd0.01_b5": 9.74, "lr0.1_wd0.01_b5": 98.83, "lr1.0_wd0.01_b64": 60.72, "lr0.1_wd0.01_b64": None}
GRIDS = {"weight decay": DECAY, "batch size": BATCH}
RESULTS = {
    "lr1.0_wd0.1_b64": Result(0.1, 1000, True),
    "lr0.1_wd0.1_b64": Result(0.112, 1000, False),
    "lr1.0_wd0.01_b64": Result(0.31, 1000, False),
    "lr0.1_wd0.01_b64": Result(0.97, 1000, False),
    "lr1.0_wd0.01_b5": Result(0.2, 1000, False),
    "lr0.1_wd0.01_b5": Result(0.985, 1000, False),
}


def test_the_axes_are_what_differs():
    assert sweep.axes("g", list(DECAY)) == ([1.0, 0.1], "weight_decay", [0.1, 0.01])
    assert sweep.axes("g", list(BATCH)) == ([1.0, 0.1], "batch", [5, 64])
    assert sweep.at("g", BATCH, 0.1, 5) == "lr0.1_wd0.01_b5"
    assert sweep.at("g", DECAY, 0.1, 0.01) == "lr0.1_wd0.01_b64"


def test_what_is_no_rectangle_is_refused():
    with pytest.raises(ValueError, match="both: its rows differ in weight decay and in batch"):
        sweep.axes("both", [*DECAY, *BATCH])
    with pytest.raises(ValueError, match="holes: 3 cells do not fill 2 rows of 2 learning rates"):
        sweep.axes("holes", list(DECAY)[:3])


def test_the_table_has_each_number_beside_the_published_one():
    text = sweep.markdown(GRIDS, RESULTS, "resnet", 5, 4000)
    first, second = (part.splitlines() for part in text.split("\n\n")[1:4:2])
    assert first[0] == "| weight decay \\ learning rate | 1.0 | 0.1 |"
    assert first[2:] == ["| 0.1 | 10.0† (*9.80*) | 11.2 (*10.09*) |", "| 0.01 | 31.0 (*60.72*) | 97.0 |"]
    assert second[2:] == ["| 5 | 20.0 (*9.74*) | 98.5 (*98.83*) |", "| 64 | 31.0 (*60.72*) | 97.0 |"]
    assert "4 of 5 cells lie on the published side of 50 %" in text  # not lr1.0_wd0.01_b64
    assert "4,000 training digits, tested on 1,000" in text


def test_the_frame_holds_all_digits():
    frame = sweep.frame(GRIDS, RESULTS)
    assert len(frame) == 8
    row = frame[(frame["grid"] == "weight decay") & (frame["cell"] == "lr1.0_wd0.1_b64")].iloc[0]
    assert (row["lr"], row["weight_decay"], row["batch"]) == (1.0, 0.1, 64)
    assert (row["accuracy"], row["published"], bool(row["diverged"])) == (0.1, pytest.approx(0.098), True)
    assert row["low"] < 0.1 < row["high"]
    assert frame["published"].isna().sum() == 2


def test_the_maps_show_ours_and_theirs_and_are_well_formed():
    drawing = sweep.heatmaps(GRIDS, RESULTS)
    root = ET.fromstring(drawing)
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [t for t in texts if t and re.fullmatch(r"[0-9.]+†?", t) and t in {"10.0†", "98.5", "98.83"}] == [
        "10.0†",
        "98.5",
        "98.83",
    ]
    cells = [e for e in root.iter("{http://www.w3.org/2000/svg}rect") if e.get("class") == "cell"]
    assert len(cells) == 8 + 6  # two cells have no published number
    assert float(cells[0].get("fill-opacity")) == pytest.approx(0.1)
