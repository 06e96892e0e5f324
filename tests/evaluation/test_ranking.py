"""Ranking against a brute force in plain loops that sorts every row, ties and rules included."""

import numpy as np
import pytest

from sanreid.evaluation import distances, ranking
from sanreid.evaluation.ranking import Embeddings, evaluate, evaluate_distances
from tests.evaluation.oracle import assert_same, brute_force, people


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("levels", [3, 40, 10**6])
def test_distances_equal_a_brute_force_with_ties_junk_and_distractors(seed, levels):
    rng = np.random.default_rng(seed)
    query_pids, gallery_pids, camids = people(rng)
    matrix = rng.integers(0, levels, (30, 200)).astype(np.float32)
    before = matrix.copy()
    ids = query_pids, gallery_pids, camids[:30], camids[30:]
    assert_same(evaluate_distances(matrix, *ids), brute_force(matrix, *ids))
    assert_same(evaluate_distances(matrix, *ids[:2]), brute_force(matrix, *ids[:2]))
    np.testing.assert_array_equal(matrix, before)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_features_equal_the_brute_force_on_the_same_distances_for_any_block(metric, monkeypatch):
    rng = np.random.default_rng(5)
    query_pids, gallery_pids, camids = people(rng)
    centres = rng.normal(size=(13, 24))
    query = Embeddings(centres[query_pids] + rng.normal(size=(30, 24)), query_pids, camids[:30])
    gallery = Embeddings(centres[gallery_pids] + rng.normal(size=(200, 24)), gallery_pids, camids[30:])
    whole = evaluate(query, gallery, metric)
    for rows in (1, 7, 29):
        monkeypatch.setattr(distances, "BLOCK_BYTES", rows * 4 * 200)
        assert len(list(distances.blocks(query.features, gallery.features, metric))) == -(-30 // rows)
        matrix = distances.matrix(query.features, gallery.features, metric)
        result = evaluate(query, gallery, metric)
        assert_same(result, brute_force(matrix, query_pids, gallery_pids, camids[:30], camids[30:]))
        again = evaluate_distances(matrix, query_pids, gallery_pids, camids[:30], camids[30:])
        assert again.mean_average_precision == result.mean_average_precision
        assert result.mean_average_precision == pytest.approx(whole.mean_average_precision, abs=1e-12)
    assert whole.gallery == np.count_nonzero(gallery_pids >= 0)


def test_ties_go_by_gallery_order():
    pids = np.array([2, 1, 2, 1])
    result = evaluate_distances(np.zeros((1, 4), np.float32), np.array([1]), pids)
    assert result.first_match[0] == 2
    assert result.average_precision[0] == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert result.mean_inverse_negative_penalty == pytest.approx(2 / 4)


def test_own_person_and_camera_is_not_ranked_but_own_camera_is():
    # nearest: own person and camera (skipped), then another person of the query's camera, then the match
    result = evaluate_distances(np.array([[0.1, 0.2, 0.3]]), [7], [7, 8, 7], [1], [1, 1, 2])
    assert result.first_match[0] == 2
    assert result.cmc[:2].tolist() == [0, 1]


def test_a_query_without_a_match_is_not_counted():
    result = evaluate_distances(np.array([[0.1, 0.2], [0.1, 0.2]]), [1, 2], [1, 2], [1, 1], [2, 1])
    assert (result.queries, result.left_out, result.rank(1)) == (1, 1, 1.0)
    assert np.isnan(result.average_precision[1])
    with pytest.raises(ValueError, match="no query has a match"):
        evaluate_distances(np.zeros((1, 2)), [3], [1, 2])


def test_distractors_match_nobody_unless_pid_zero_is_a_class():
    matrix = np.array([[0.1, 0.2], [0.2, 0.1]])
    assert evaluate_distances(matrix, [0, 5], [0, 5]).queries == 1
    assert evaluate_distances(matrix, [0, 5], [0, 5], distractor=None).queries == 2
    # a distractor in front costs a rank, junk in front does not
    assert evaluate_distances(np.array([[0.1, 0.2]]), [5], [0, 5]).first_match[0] == 2
    assert evaluate_distances(np.array([[0.1, 0.2]]), [5], [-1, 5]).first_match[0] == 1


def test_nearest_lists_what_was_ranked():
    rng = np.random.default_rng(6)
    query_pids, gallery_pids, camids = people(rng)
    query = Embeddings(rng.normal(size=(30, 8)), query_pids, camids[:30])
    gallery = Embeddings(rng.normal(size=(200, 8)), gallery_pids, camids[30:])
    result = evaluate(query, gallery)
    for q, order in enumerate(ranking.nearest(query, gallery, k=200)):
        assert not (gallery_pids[order] == -1).any()
        assert not ((gallery_pids[order] == query_pids[q]) & (camids[30:][order] == camids[q])).any()
        hits = np.flatnonzero(gallery_pids[order] == query_pids[q])
        if result.first_match[q]:
            assert hits[0] + 1 == result.first_match[q]
    assert all(len(order) == 4 for order in ranking.nearest(query, gallery, k=4))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"features": np.zeros((3, 2, 2)), "pids": [1, 2, 3]}, r"features must be \(N, D\)"),
        ({"features": np.zeros((3, 2)), "pids": [1, 2]}, r"pids must be \(3,\)"),
        ({"features": np.zeros((3, 2)), "pids": [1, 2, 3], "camids": [1.0, 2.0, np.nan]}, "camids must be integers"),
    ],
)
def test_embeddings_name_what_is_wrong(given, message):
    with pytest.raises(ValueError, match=message):
        Embeddings(**given)


def test_bad_input_is_refused():
    a, b = Embeddings(np.ones((2, 3)), [1, 2], [1, 1]), Embeddings(np.ones((2, 3)), [1, 2])
    with pytest.raises(ValueError, match="one side only"):
        evaluate(a, b)
    with pytest.raises(ValueError, match="3 wide, gallery features 4"):
        evaluate(b, Embeddings(np.ones((2, 4)), [1, 2]))
    with pytest.raises(ValueError, match=r"gallery features are not finite \(first in row 1"):
        evaluate(b, Embeddings(np.array([[1, 1, 1], [np.nan, 1, 1]]), [1, 2]))
    with pytest.raises(ValueError, match="'manhattan' is unknown"):
        evaluate(b, b, "manhattan")  # pyrefly: ignore[bad-argument-type]
    with pytest.raises(ValueError, match="distances hold NaN"):
        evaluate_distances([[np.nan, 1.0]], [1], [1, 2])


@pytest.mark.parametrize("first_k", [1, 3, 10, 1000])
def test_map_over_the_first_k_against_a_plain_loop(first_k):
    random = np.random.default_rng(3)
    query, gallery = (
        ranking.Embeddings(
            random.normal(size=(n, 5)).astype(np.float32), random.integers(0, 6, n), random.integers(1, 3, n)
        )
        for n in (30, 70)
    )
    matrix = distances.matrix(query.features, gallery.features)
    scores = []
    for q in range(30):
        ranked = [
            g
            for g in np.argsort(matrix[q], kind="stable")
            if not (gallery.pids[g] == query.pids[q] and gallery.camids[g] == query.camids[q])
        ]
        matches = [query.pids[q] > 0 and gallery.pids[g] == query.pids[q] for g in ranked]
        if not any(matches):
            continue
        hits = [i for i, m in enumerate(matches[:first_k]) if m]
        scores.append(sum((n + 1) / (i + 1) for n, i in enumerate(hits)) / len(hits) if hits else 0.0)
    result = ranking.evaluate(query, gallery, first_k=first_k)
    assert result.shortened_mean_average_precision == pytest.approx(np.mean(scores), rel=1e-12)
    if first_k == 1000:
        assert result.shortened_mean_average_precision == result.mean_average_precision
    assert ranking.evaluate(query, gallery).shortened_mean_average_precision is None


def test_a_first_k_of_none_is_refused():
    with pytest.raises(ValueError, match="first_k must be at least 1"):
        ranking.evaluate(*[ranking.Embeddings(np.ones((2, 2), np.float32), np.array([1, 1]))] * 2, first_k=0)
