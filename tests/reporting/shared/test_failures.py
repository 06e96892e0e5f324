"""The worst queries are the worst, and what is said of them is measured or unknown."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sanreid.data import images
from sanreid.evaluation.ranking import Embeddings
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


def test_facts_of_a_query_are_of_its_picture_and_of_its_first_answers(tmp_path):
    grey = {"q.png": 60, "a.png": 200, "b.png": 100, "c.png": 90, "d.png": 80}
    for name, value in grey.items():
        images.write_rgb(tmp_path / name, np.full((6, 4, 3), value, np.uint8))
    split = ["query"] + ["gallery"] * 4
    rows = pd.DataFrame({"path": list(grey), "split": split})
    query = Embeddings(np.zeros((1, 1), np.float32), np.array([1]), np.array([1]))
    gallery = Embeddings(np.zeros((4, 1), np.float32), np.array([1, 2, 2, 1]), np.array([2, 1, 2, 1]))
    line = failures.facts(tmp_path, rows, query, gallery, [np.array([1, 2, 0])]).iloc[0]
    assert line["brightness"] == pytest.approx(60 / 255, abs=1e-3)
    assert line["light"] == pytest.approx(140 / 255, abs=1e-3)  # of a.png: d.png is of its own camera
    assert line["own_camera"] == pytest.approx(1 / 3)
    assert (line["lookalike"], line["who"]) == (pytest.approx(2 / 3), "person 2")
    assert (line["contrast"], line["sharpness"], line["height"]) == (0, 0, 6)
    assert np.isnan(line["visible"])


def test_a_blurred_picture_is_less_sharp_and_a_flat_one_has_less_contrast(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 20, 1), np.uint8).repeat(3, 2)
    blurred = np.asarray(Image.fromarray(noise).resize((5, 10)).resize((20, 40)))
    for name, picture in {"sharp": noise, "blurred": blurred, "flat": noise // 4}.items():
        images.write_rgb(tmp_path / f"{name}.png", picture)
    sharp, blurred, flat = (failures.look(tmp_path / f"{name}.png") for name in ("sharp", "blurred", "flat"))
    assert blurred["sharpness"] < 0.5 * sharp["sharpness"]
    assert flat["contrast"] == pytest.approx(sharp["contrast"] / 4, rel=0.02)
    assert flat["sharpness"] == pytest.approx(sharp["sharpness"], rel=0.05)  # whatever the contrast
