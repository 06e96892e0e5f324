"""Ranked lists and failures, beside plain loops."""

from pathlib import Path

import numpy as np
import pytest

from app import ranking
from app.galleries import NOBODY, Gallery


def gallery(count: int = 60, people: int = 12, cameras: int = 3, asks: str = "all") -> Gallery:
    rng = np.random.default_rng(0)
    pids, camids = rng.integers(1, people + 1, count), rng.integers(1, cameras + 1, count)
    features = rng.normal(size=(people + 1, 8))[pids] + 1.3 * rng.normal(size=(count, 8))
    features = (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)
    asking = np.ones(count, bool) if asks == "all" else np.arange(count) < count // 3
    return Gallery(Path("photos"), [f"{i}.jpg" for i in range(count)], features, pids, camids, asking)


@pytest.mark.parametrize("top", [1, 7, 60, 500])
def test_the_nearest_come_first(top):
    g = gallery()
    without = g.camids == 2
    found = ranking.search(g, g.features[3], top, without)
    plain = sorted((1 - float(np.dot(f, g.features[3])), i) for i, f in enumerate(g.features) if not without[i])[:top]
    assert found.rows.tolist() == [i for _, i in plain]
    np.testing.assert_allclose(found.distances, [d for d, _ in plain], atol=1e-6)
    assert found.reranked == 0


def test_reranking_orders_the_nearest_anew_and_keeps_the_distances(monkeypatch):
    monkeypatch.setattr(ranking, "CANDIDATES", 40)
    g = gallery()
    plain, again = (ranking.search(g, g.features[3], 50, rerank=rerank) for rerank in (False, True))
    assert again.reranked == 40
    assert again.rows.tolist() != plain.rows.tolist()
    assert sorted(again.rows[:40]) == sorted(plain.rows[:40])
    assert again.rows[40:].tolist() == plain.rows[40:].tolist()
    assert dict(zip(again.rows, again.distances, strict=True)) == dict(zip(plain.rows, plain.distances, strict=True))
    assert ranking.search(gallery(count=8), g.features[3], 5, rerank=True).reranked == 0


def test_nothing_left_is_no_error():
    g = gallery()
    assert ranking.search(g, g.features[0], 5, np.ones(60, bool)).rows.tolist() == []


@pytest.mark.parametrize("asks", ["all", "third"])
def test_failures_are_the_latest_first_matches(asks):
    g = gallery(asks=asks)
    answer = [i for i in range(60) if asks == "all" or not g.asks[i]]
    ranks = {}
    for q in np.flatnonzero(g.asks):
        others = [i for i in answer if i != q and (g.pids[i], g.camids[i]) != (g.pids[q], g.camids[q])]
        order = sorted(others, key=lambda i: -float(g.features[i] @ g.features[q]))
        right = [n for n, i in enumerate(order, 1) if g.pids[i] == g.pids[q]]
        if right:
            ranks[q] = right[0], order[right[0] - 1], order[:5]
    found = ranking.failures(g, most=6)
    assert (found.asked, found.pictures) == (len(ranks), len(answer))
    worst = sorted(ranks, key=lambda q: (-ranks[q][0], q))[:6]
    assert [(f.row, f.rank, f.match, f.nearest) for f in found.worst] == [(q, *ranks[q]) for q in worst]
    assert found.rank1 == pytest.approx(np.mean([rank == 1 for rank, *_ in ranks.values()]))
    assert found.rank10 == pytest.approx(np.mean([rank <= 10 for rank, *_ in ranks.values()]))


def test_without_people_or_a_second_camera_nothing_fails():
    g = gallery()
    g.pids[:] = NOBODY
    assert not ranking.has_people(g)
    with pytest.raises(ValueError, match="its people are not known"):
        ranking.failures(g)
    g = gallery(cameras=1)
    with pytest.raises(ValueError, match="nobody was seen by two cameras"):
        ranking.failures(g)
