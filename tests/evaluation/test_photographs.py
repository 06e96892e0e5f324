"""What features reach on photographs: intervals, centring, halves and re-ranking against plain loops."""

import numpy as np
import pandas as pd
import pytest

from sanreid import runtime
from sanreid.evaluation import photographs, ranking, reranking, trivial_baselines
from sanreid.evaluation.features import split
from sanreid.evaluation.photographs import Settings

P = Settings(k1=5, k2=3, weight=0.3, max_rank=10, draws=60, seed=4)


@pytest.fixture
def rows():
    """Seven people and somebody of no name, two cameras, three pictures each; the first of each asks."""
    keys = [(pid, camid, i) for pid in range(1, 8) for camid in (1, 2) for i in range(3)]
    table = pd.DataFrame([(p, c, "gallery" if i else "query") for p, c, i in keys], columns=["pid", "camid", "split"])
    table.loc[len(table)] = (0, 1, "gallery")
    table["path"] = [f"{i}.png" for i in range(len(table))]
    return table.astype({"camid": "Int64"})


@pytest.fixture
def features(rows):
    """People are told apart, cameras more."""
    random = np.random.default_rng(0)
    people, cameras = random.normal(size=(8, 6)), 3 * random.normal(size=(3, 6))
    noise = random.normal(size=(len(rows), 6))
    return (people[rows["pid"]] + cameras[rows["camid"].astype(int)] + noise).astype(np.float32)


def test_intervals_are_those_of_a_plain_loop_over_people_drawn_again(features, rows):
    query, gallery = split(features, rows)
    result = ranking.evaluate(query, gallery, "cosine", 10)
    result.first_match[3], result.average_precision[3] = 0, np.nan  # a query that is not counted
    found = photographs.intervals(result, query.pids, P.draws, P.seed)
    people = sorted(set(query.pids))
    times = runtime.rng(P.seed, "photographs: people drawn again").multinomial(7, [1 / 7] * 7, size=P.draws)
    scores = {name: [] for name in photographs.MEASURES}
    for draw in times:
        drawn = [
            i for pid, n in zip(people, draw, strict=True) for _ in range(n) for i in np.flatnonzero(query.pids == pid)
        ]
        drawn = [i for i in drawn if i != 3]
        for k in photographs.RANKS:
            scores[f"rank{k}"].append(np.mean([result.first_match[i] <= k for i in drawn]))
        scores["mAP"].append(np.mean([result.average_precision[i] for i in drawn]))
    for name, values in scores.items():
        assert found[name] == pytest.approx(np.percentile(values, [2.5, 97.5]))
    assert found["mAP"][0] < found["mAP"][1]
    assert photographs.intervals(result, np.ones_like(query.pids), 9, 0) is None


def test_each_way_is_what_it_says(features, rows):
    found = dict(photographs.ways(features, rows, P))
    assert tuple(found) == photographs.WAYS
    unit = features / np.linalg.norm(features, axis=1)[:, None]
    centred = unit.copy()
    for camera in (1, 2):
        here = (rows["camid"] == camera).to_numpy(bool)
        centred[here] -= unit[here].mean(0)
    for way, values in (("plain", features), ("centred", centred)):
        expected = ranking.evaluate(*split(values, rows), "cosine", 10)
        assert found[way].ranking.mean_average_precision == pytest.approx(expected.mean_average_precision)
        query, gallery = split(values / np.linalg.norm(values, axis=1)[:, None], rows)
        matrix = reranking.k_reciprocal(query.features, gallery.features, 5, 3, 0.3)
        ids = query.pids, gallery.pids, query.camids, gallery.camids
        again = found["reranked" if way == "plain" else "centred_reranked"].ranking
        assert again.mean_average_precision == pytest.approx(
            ranking.evaluate_distances(matrix, *ids, 10).mean_average_precision
        )
    assert found["centred"].ranking.mean_average_precision > found["plain"].ranking.mean_average_precision
    assert set(found["plain"].metrics()) >= {"rank1", "rank5", "rank10", "mAP", "queries", "intervals"}


def test_centred_features_have_no_mean_left_in_any_camera(features, rows):
    groups = trivial_baselines.cameras(rows)
    left = trivial_baselines.centre(photographs.normalised(features), groups)
    assert all(np.abs(left[groups == g].mean(0)).max() < 1e-6 for g in np.unique(groups))


def test_without_cameras_nothing_is_centred_and_few_images_are_not_re_ranked(features, rows):
    unknown = rows.assign(camid=pd.array([None] * len(rows), "Int64"))
    assert [way for way, _ in photographs.ways(features, unknown, P)] == ["plain", "reranked"]
    many = Settings(k1=len(rows), k2=3, weight=0.3, max_rank=10, draws=5, seed=0)
    assert [way for way, _ in photographs.ways(features, rows, many)] == ["plain", "centred"]
    assert [name for name, _ in photographs.judged(unknown)] == ["all", "odd", "even"]


def test_odd_and_even_people_are_sets_of_their_own(rows):
    masks = dict(photographs.judged(rows))
    assert set(rows["pid"][masks["odd"]]) == {0, 1, 3, 5, 7}  # nobody's picture is in both
    assert set(rows["pid"][masks["even"]]) == {0, 2, 4, 6}
    assert masks["all"].all()
    alone = rows.assign(camid=rows["camid"].where(rows["pid"] % 2 == 1, 1))  # the even people: one camera each
    assert [name for name, _ in photographs.judged(alone)] == ["all", "odd"]
