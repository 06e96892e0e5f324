"""The worst queries are the worst, and what is said of them is measured or unknown."""

import numpy as np
import pytest

from sanreid.data import images
from sanreid.reporting.shared import activation, failures


def test_the_worst_come_first_and_uncounted_queries_never():
    precision = np.array([0.5, np.nan, 0.1, 1.0, 0.1])
    assert failures.worst(precision, 3).tolist() == [2, 4, 0]
    assert failures.worst(precision, 99).tolist() == [2, 4, 0, 3]


def test_brightness_is_luma_and_the_body_seen_is_of_the_texels_that_exist(tmp_path):
    images.write_rgb(tmp_path / "green.png", np.full((4, 2, 3), (0, 255, 0), np.uint8))
    assert failures.brightness(tmp_path / "green.png") == pytest.approx(0.587)
    assert failures.visible(tmp_path / "truth", "images/a.jpg") is None
    (tmp_path / "truth/visibility").mkdir(parents=True)
    coverage, seen = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8)
    coverage[:2], seen[:, :1] = 255, 255
    images.write_rgb(tmp_path / "truth/coverage.png", coverage)
    images.write_rgb(tmp_path / "truth/visibility/a.png", seen)
    assert failures.visible(tmp_path / "truth", "images/a.jpg") == 2 / 8


def test_red_lies_where_the_map_is_strong_and_blue_where_it_is_weak():
    strength = np.zeros((2, 2), np.float32)
    strength[1] = 1
    drawn = activation.overlay(np.full((40, 20, 3), 128, np.uint8), strength).astype(int)
    assert drawn[-1, 0, 0] > drawn[-1, 0, 2]
    assert drawn[0, 0, 2] > drawn[0, 0, 0]
