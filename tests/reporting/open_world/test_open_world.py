"""The open world's tables and pictures from hand-made inputs."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sanreid.evaluation.open_world import protocol
from sanreid.evaluation.open_world.thresholds import Sequences
from sanreid.reporting.open_world import figures, maps, table
from sanreid.reporting.open_world.maps import Map
from sanreid.reporting.shared.image_grids import WRONG


def runs(founds, size=40, rule="tuned", link="density", remedy=protocol.REMEDIES[-1]):
    accuracies = np.linspace(0.5, 0.9, len(founds))
    return pd.DataFrame(
        [
            (rule, link, remedy, size, k, 4, found, accuracy, accuracy, accuracy)
            for k, (found, accuracy) in enumerate(zip(founds, accuracies, strict=True))
        ],
        columns=[*protocol.KEYS, "order", *protocol.MEASURES],
    )


def test_whole_streams_of_different_lengths_are_pooled_as_all():
    one = pd.concat([runs([4, 4], size=10), runs([4, 5], size=40)])
    other = pd.concat([runs([3, 4], size=10), runs([8, 3], size=44)])
    summary = table.frame(table.pool([one, other]))
    whole = summary.xs(("tuned", "density", protocol.REMEDIES[-1], "all"))
    assert whole["runs"] == 4
    assert whole["found"] == 5
    assert whole["right_count"] == 0.25
    assert whole["found_worst"] == 8
    assert summary.xs(("tuned", "density", protocol.REMEDIES[-1], "10"))["found"] == 3.75


def test_cells_say_percent_and_deviation():
    summary = table.frame(table.pool([runs([4, 4, 7])]))
    row = table.by_rule(summary, protocol.REMEDIES[-1], ("tuned", "density"))[0]
    assert row.names == ("tuned", "density")
    assert row.shown
    assert row.cells[:4] == ("5.0 ± 1.7 of 4", "67 %", "70.0 ± 20.0 %", "50.0 %")
    single = table.frame(table.pool([runs([4], link=protocol.PEER, remedy="none")]))
    peer = table.by_rule(single, protocol.REMEDIES[-1], ("tuned", "density"))[0]
    assert peer.cells[0] == "4.0 of 4"  # one run tells no deviation
    assert not peer.shown


def test_published_rows_are_set_apart():
    rows = table.published({"by hand": ["10 in most orders", "over 95 %"]})
    text = table.markdown(rows, ("rule", "nearest by"))
    assert "| *by hand (published)* |  | 10 in most orders |  | over 95 % |" in text


def test_strangers_in_a_group_are_framed_and_the_rest_is_counted():
    stream = pd.DataFrame({"path": list("abcdefg"), "class": [1, 1, 2, 5, 5, 5, 5], "group": [0, 0, 0, 1, 1, 1, 2]})
    opened = []

    def read(path):
        opened.append(path)
        return Image.new("L", (10, 20), 90)

    sheet = figures.groups(stream, read, "digit", 2, 3, 40)
    assert sorted(opened) == list("abcdef")  # the third group is beyond the most that are drawn
    framed = (sheet == WRONG).all(2)
    assert framed.any()
    assert framed[: len(sheet) // 2].any()  # in the first of two rows alone
    assert not framed[len(sheet) // 2 + 10 :].any()


def test_distances_and_counts_are_pictures():
    sequences = {"density": Sequences(np.linspace(0, 1, 50), np.linspace(0.5, 2, 70))}
    drawn = figures.distances(sequences, {"density": {"tuned": 0.4, "by hand 0.7": 0.7, "merge": 0.2}})
    assert drawn.dtype == np.uint8
    assert drawn.shape[2] == 3
    pooled = table.pool([runs([4, 5, 6]), runs([9, 9, 9], remedy="none")])
    assert figures.counts(pooled, "density").std() > 0


def test_a_map_keeps_neighbours_and_is_the_same_again():
    rng = np.random.default_rng(0)
    classes = np.repeat([0, 1], 30)
    values = rng.normal(size=(60, 80)) + 12 * classes[:, None]
    for dimensions in (2, 3):
        points = maps.project(values, dimensions, 0, 300)
        assert points.shape == (60, dimensions)
        gaps = np.linalg.norm(points[:, None] - points[None], axis=2) + 1e9 * np.eye(60)
        alike = (classes[gaps.argmin(1)] == classes).mean()
        assert alike == 1 if dimensions == 2 else alike > 0.6  # sixty points are few for three dimensions
        np.testing.assert_array_equal(points, maps.project(values, dimensions, 0, 300))
    with pytest.raises(ValueError, match="at least five"):
        maps.project(values[:4], 2, 0, 300)


def test_flat_maps_are_one_picture_and_turnable_ones_hold_every_point():
    points = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    classes = np.repeat([0, 7], 6)
    flat = [[Map(kind, points[:, :2], classes) for kind in kinds] for kinds in (("features", "pixels"), ("few",))]
    assert maps.flat(flat, "digit").shape[2] == 3
    deep = [[Map("features", points, classes), Map("pixels", points, classes)], [Map("few", points, classes)]]
    page = maps.turnable(deep, "digit", "title")
    assert page == maps.turnable(deep, "digit", "title")  # the same bytes from the same maps
    found = [json.loads(values) for values in re.findall(r'"x":(\[[^\]]*\])', page)]
    assert sum(len(values) for values in found if len(values) > 2) == 3 * len(points)  # two are a scene's place
