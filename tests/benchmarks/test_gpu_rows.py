"""The order in which rows are measured, and what is said of the bars."""

import pytest

from benchmarks import gpu_rows, gpu_training


def test_the_profiles_two_rows_come_before_what_is_built():
    recipe = gpu_rows.settings(toy=False)[0]
    planned = gpu_rows.order(gpu_training.rows(recipe, with_compile=True, deterministic_too=True), True, None)
    titles = list(planned)
    assert titles[:2] == ["joint, bfloat16", "alternating, bfloat16"]
    assert [r.compute.compile for r in planned.values()] == [False] * 5 + [True] * 4
    assert {r.compute.deterministic for r in planned.values() if r.compute.compile} == {True, False}
    assert [gpu_rows.weight(planned[t]) for t in titles] == [gpu_rows.FIRST] * 2 + [1.0] * 7
    assert list(gpu_rows.order(planned, False, "joint, bfloat16, compiled")) == ["joint, bfloat16, compiled"]


@pytest.mark.parametrize(("busy", "minutes", "said"), [(95.0, 20.0, 0), (80.0, 20.0, 1), (80.0, 40.0, 2)])
def test_the_verdict_says_what_falls_short(busy, minutes, said):
    row = {"minutes": minutes, "utilisation_percent": busy, "of_them_drawing": 0.0123}
    slow = row | {"minutes": 100.0}
    lines = gpu_rows.verdict({"joint, x": slow, "joint, y": row})
    assert lines[0].startswith(f"joint, y: {minutes} min of 30")
    assert lines[0].count("FALLS SHORT") == said
    assert "12 ms" in lines[0]
    assert lines[1] == "alternating: not measured"
