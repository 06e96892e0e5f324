"""People held out of training: whole people, a query a camera, the rest gallery."""

import pandas as pd
import pytest

from sanreid.data import index
from sanreid.training import holdout


def rows(cameras=(1, 1, 2, 2, 3), people=20):
    made = [
        {"path": f"{pid}_{i}.png", "pid": pid, "camid": camera, "split": "train"}
        for pid in range(50, 50 + people)
        for i, camera in enumerate(cameras)
    ]
    return index.build(made)


def test_people_are_held_out_whole_and_ask_once_a_camera():
    table = rows()
    train, validation = holdout.split(table, 0.2, 0)
    assert validation["pid"].nunique() == 4
    assert not set(train["pid"]) & set(validation["pid"])
    assert len(train) + len(validation) == len(table)
    query, gallery = (validation[validation["split"] == s] for s in ("query", "gallery"))
    assert (query.groupby(["pid", "camid"]).size() == 1).all()
    assert len(query) == 4 * 3
    assert len(gallery) == 4 * 2
    assert set(train["split"]) == {"train"}
    assert validation.index.is_monotonic_increasing


def test_the_draw_is_the_seeds():
    assert holdout.split(rows(), 0.2, 1).validation.equals(holdout.split(rows(), 0.2, 1).validation)
    drawn = [set(holdout.split(rows(), 0.2, seed).validation["pid"]) for seed in range(4)]
    assert len({frozenset(people) for people in drawn}) > 1


def test_without_cameras_one_image_a_person_asks():
    table = rows().assign(camid=pd.array([None] * 100, "Int64"))
    validation = holdout.split(table, 0.1, 0).validation
    assert (validation["split"] == "query").sum() == 2
    assert (validation["split"] == "gallery").sum() == 8


def test_what_cannot_be_held_out_is_refused():
    with pytest.raises(ValueError, match=r"validation\.share: 0\.9 of 10 people leaves 1 to train on"):
        holdout.split(rows(people=10), 0.9, 0)
    with pytest.raises(ValueError, match="seen twice in another camera"):
        holdout.split(rows(cameras=(1, 2)), 0.1, 0)
