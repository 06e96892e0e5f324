"""The map of people: who is on it, that likeness is nearness, that it is the same again."""

import numpy as np
import pytest

from sanreid.data import index
from sanreid.reporting.systems import people_map


def rows(counts: dict[int, int], cameras=True):
    made = [
        {"path": f"{pid}_{i}.png", "pid": pid, "camid": 1 + i % 3 if cameras else None, "split": "gallery"}
        for pid, count in counts.items()
        for i in range(count)
    ]
    return index.build(made)


def features(table) -> np.ndarray:
    """A direction a person, and a little noise."""
    random = np.random.default_rng(0)
    centres = {pid: random.normal(size=16) for pid in table["pid"].unique()}
    return np.stack([centres[pid] + 0.05 * random.normal(size=16) for pid in table["pid"]]).astype(np.float32)


def test_the_people_with_most_images_are_shown_and_nobody_is_nobody():
    table = rows({0: 50, 4: 3, 9: 7, 2: 7, 5: 1})
    assert people_map.most_seen(table, 3) == [2, 9, 4]


def test_images_of_a_person_lie_together():
    table = rows({1: 8, 2: 8, 3: 8})
    points = people_map.project(features(table))
    pids = table["pid"].to_numpy()
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (pids[apart.argmin(1)] == pids).all()


@pytest.mark.parametrize("cameras", [True, False])
def test_the_same_features_give_the_same_picture(cameras):
    table = rows(dict.fromkeys(range(1, 13), 4), cameras)
    pictures = [people_map.draw(features(table), table) for _ in range(2)]
    assert pictures[0].dtype == np.uint8
    assert pictures[0].shape[2] == 3
    assert np.array_equal(*pictures)
    assert len(np.unique(pictures[0].reshape(-1, 3), axis=0)) > 10  # ten people in colour


@pytest.mark.parametrize("counts", [{1: 1, 2: 1}, {1: 4, 2: 5}])
def test_images_that_nothing_tells_apart_lie_in_one_place(counts):
    table = rows(counts)
    same = np.ones((len(table), 4), np.float32)
    assert not people_map.project(same).any()
    assert people_map.draw(same, table).shape[2] == 3
