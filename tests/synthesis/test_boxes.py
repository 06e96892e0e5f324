"""Boxes: geometry against plain arithmetic, and the promises of the random ones over many draws."""

import numpy as np
import pytest

from sanreid.synthesis import boxes

PERSON = (40.0, 30.0, 80.0, 150.0)


def plain_overlap(a, b, step=0.5):
    """Count sample points inside both and inside either."""
    xs, ys = np.arange(-50, 300, step) + step / 2, np.arange(-50, 300, step) + step / 2
    inside = [((xs > q[0]) & (xs < q[2]))[None] & ((ys > q[1]) & (ys < q[3]))[:, None] for q in (a, b)]
    return (inside[0] & inside[1]).sum() / (inside[0] | inside[1]).sum()


@pytest.mark.parametrize("other", [PERSON, (60, 90, 100, 210), (0, 0, 200, 200), (50, 50, 60, 60), (90, 30, 120, 150)])
def test_overlap_is_the_shared_area_over_the_united(other):
    assert boxes.overlap(PERSON, other) == pytest.approx(plain_overlap(PERSON, other), abs=1e-9)


def test_aspect_grows_the_short_side_about_the_centre():
    assert boxes.to_aspect(PERSON, 0.5) == (30, 30, 90, 150)
    assert boxes.to_aspect((0, 0, 100, 100), 0.5) == (0, -50, 100, 150)


def test_jitter_has_the_asked_spread_for_each_edge():
    rng = np.random.default_rng(0)
    moved = np.array([boxes.jitter(PERSON, rng, 0.05) for _ in range(4000)]) - PERSON
    np.testing.assert_allclose(moved.std(0), [2, 6, 2, 6], rtol=0.06)
    np.testing.assert_allclose(moved.mean(0), 0, atol=0.3)
    assert boxes.jitter(PERSON, rng, 0) == PERSON


def test_cut_takes_one_side_within_limits_and_the_legs_most_often():
    rng = np.random.default_rng(0)
    cuts = np.array([boxes.cut(PERSON, rng) for _ in range(800)])
    changed = cuts != PERSON
    assert (changed.sum(1) == 1).all()
    inwards = (cuts - PERSON) * [1, 1, -1, -1] / [40, 120, 40, 120]
    taken = inwards.sum(1)
    assert taken.min() >= 0.15 - 1e-9
    assert taken.max() <= 0.35 + 1e-9
    assert changed.mean(0).argmax() == 3


@pytest.mark.parametrize(("low", "high"), [(0.2, 0.5), (0.0, 0.2)])
def test_astray_keeps_to_the_asked_overlap_and_to_the_picture(low, high):
    rng = np.random.default_rng(0)
    for _ in range(200):
        box = boxes.astray(PERSON, rng, low, high, (220, 180))
        assert low <= plain_overlap(PERSON, box, step=1) + 0.02
        assert boxes.overlap(PERSON, box) < high
        assert box[0] >= 0
        assert box[1] >= 0
        assert box[2] <= 180
        assert box[3] <= 220


def test_astray_ends_where_no_box_fits():
    box = boxes.astray((0, 0, 50, 100), np.random.default_rng(0), 0.0, 0.01, (100, 50))
    assert len(box) == 4


def test_pixels_are_whole_and_never_none():
    assert boxes.pixels((0.4, 0.6, 9.6, 20.2)) == (0, 1, 10, 20)
    assert boxes.pixels((3.2, 3.2, 3.3, 3.3)) == (3, 3, 4, 4)


def test_widen_leaves_height_and_wide_boxes_alone():
    assert boxes.widen(PERSON, 0.5) == (30, 30, 90, 150)
    assert boxes.widen((0, 0, 100, 100), 0.5) == (0, 0, 100, 100)
