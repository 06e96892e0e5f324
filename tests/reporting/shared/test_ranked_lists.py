"""Ranked lists show what was ranked: the draw of queries, and the labels and frames of a set small enough to check."""

import numpy as np
import pandas as pd
import pytest

from sanreid.data.images import write_rgb
from sanreid.evaluation.ranking import Embeddings, evaluate
from sanreid.reporting.shared import ranked_lists
from sanreid.reporting.shared.ranked_lists import Lists


def lists(queries, seed=0):
    return Lists(queries=queries, top=3, seed=seed)


def test_half_of_the_queries_are_wrong_at_rank_1():
    first = np.array([1] * 20 + [4] * 20 + [0] * 20)  # the last are not counted
    chosen = ranked_lists.choose(first, lists(6))
    assert first[chosen].tolist() == [1, 1, 1, 4, 4, 4]
    assert len(set(chosen)) == 6
    assert chosen.tolist() == ranked_lists.choose(first, lists(6)).tolist()
    assert chosen.tolist() != ranked_lists.choose(first, lists(6, seed=1)).tolist()


@pytest.mark.parametrize(("first", "expected"), [([1, 1, 1, 1, 0], [1] * 4), ([1, 2, 3, 9], 3), ([1, 1, 1, 7], 1)])
def test_the_one_kind_fills_up_for_the_other(first, expected):
    chosen = ranked_lists.choose(np.array(first), lists(4))
    assert len(chosen) == 4
    wrong = sum(first[c] > 1 for c in chosen)
    assert wrong == (0 if isinstance(expected, list) else expected)


def test_the_sheet_shows_each_query_with_its_gallery(tmp_path, monkeypatch):
    colours = {"q0": 10, "g0": 60, "g1": 110, "q1": 160, "g2": 210}
    for name, value in colours.items():
        write_rgb(tmp_path / f"{name}.png", np.full((8, 4, 3), value, np.uint8))
    rows = pd.DataFrame(
        {"path": [f"{n}.png" for n in colours], "split": [{"q": "query"}.get(n[0], "gallery") for n in colours]}
    )
    query = Embeddings(np.array([[0.0], [9.0]], np.float32), np.array([1, 2]), np.array([1, 1]))
    gallery = Embeddings(np.array([[1.0], [3.0], [0.5]], np.float32), np.array([1, 2, 0]), np.array([2, 2, 1]))
    seen = {}
    monkeypatch.setattr(ranked_lists, "ranked_list", lambda drawn: seen.update(drawn=drawn))
    ranked_lists.draw(tmp_path, rows, query, gallery, evaluate(query, gallery), "euclidean", lists(2))
    right, wrong = seen["drawn"]
    assert right.query[0, 0, 0] == 160  # person 2: its match is nearest
    assert [p[0, 0, 0] for p in right.gallery] == [110, 60, 210]
    assert right.right == [True, False, False]
    assert right.labels == ["2, c2", "1, c2", "nobody, c1"]
    assert wrong.query[0, 0, 0] == 10
    assert wrong.right == [False, True, False]
    assert "person 1, camera 1" in wrong.heading
    assert "rank 2" in wrong.heading
    assert "50 %" in wrong.heading


def test_the_best_the_middle_and_the_worst_queries_are_spread():
    precision = np.array([0.2, np.nan, 0.9, 0.5, 0.9, 0.1, 0.4, 0.3, 0.6])
    assert ranked_lists.spread(precision, 3).tolist() == [2, 3, 5]  # 0.9, 0.5 (the lower middle of eight), 0.1
    assert ranked_lists.spread(precision, 9).tolist() == [2, 4, 8, 3, 6, 7, 0, 5]
    for queries in range(1, 9):
        chosen = ranked_lists.spread(precision, queries).tolist()
        assert len(set(chosen)) == queries
        assert chosen[0] == 2
        assert sorted(chosen, key=lambda q: -precision[q]) == chosen
