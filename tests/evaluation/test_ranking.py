"""Ranking against a brute force in plain loops that sorts every row, ties, rules and protocols included."""

import numpy as np
import pytest

from sanreid.evaluation import counting, distances, ranking
from sanreid.evaluation.ranking import Embeddings, evaluate, evaluate_distances, evaluate_single_gallery_shot


def brute_force(matrix, query_pids, gallery_pids, query_camids=None, gallery_camids=None, max_rank=50, distractor=0):
    """CMC, mAP, mINP, first ranks: sort the row, walk down the list."""
    hits, precisions, penalties, firsts = np.zeros(max_rank), [], [], []
    for q in range(len(query_pids)):
        found, place, total = 0, 0, 0.0
        first, last = 0, 0
        for g in sorted(range(len(gallery_pids)), key=lambda g, q=q: (matrix[q][g], g)):
            same = gallery_pids[g] == query_pids[q]
            own = query_camids is not None and gallery_camids is not None and gallery_camids[g] == query_camids[q]
            if gallery_pids[g] == -1 or (same and own):
                continue
            place += 1
            if same and query_pids[q] not in (-1, distractor):
                found += 1
                total += found / place
                first, last = first or place, place
        firsts.append(first)
        if found:
            precisions.append(total / found)
            penalties.append(found / last)
            hits[first - 1 :] += 1
    return hits / len(precisions), np.mean(precisions), np.mean(penalties), firsts


def assert_same(result, expected):
    cmc, mean_ap, mean_inp, firsts = expected
    np.testing.assert_allclose(result.cmc, cmc, rtol=0, atol=1e-12)
    assert result.mean_average_precision == pytest.approx(mean_ap, abs=1e-12)
    assert result.mean_inverse_negative_penalty == pytest.approx(mean_inp, abs=1e-12)
    assert result.first_match.tolist() == firsts
    assert result.queries == np.count_nonzero(firsts)
    assert result.left_out == len(firsts) - np.count_nonzero(firsts)


def embed(features, pids, camids=None):
    return Embeddings(features, pids, camids)


def people(rng, Q=30, G=200, persons=12, cameras=3):
    """Ids with junk, distractors, and persons in the query alone."""
    return rng.integers(0, persons, Q), rng.integers(-1, persons - 2, G), rng.integers(1, cameras + 1, (Q + G))


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
    query = embed(centres[query_pids] + rng.normal(size=(30, 24)), query_pids, camids[:30])
    gallery = embed(centres[gallery_pids] + rng.normal(size=(200, 24)), gallery_pids, camids[30:])
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


def test_distances_equal_the_definition():
    rng = np.random.default_rng(0)
    q, g = rng.normal(size=(5, 9)).astype(np.float32), rng.normal(size=(11, 9)).astype(np.float32)
    g[3] = 0
    euclidean = [[sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) for y in g] for x in q]
    np.testing.assert_allclose(distances.matrix(q, g), euclidean, rtol=1e-5)
    cosine = [[1 - (x @ y) / max(np.linalg.norm(x) * np.linalg.norm(y), 1e-30) for y in g] for x in q]
    np.testing.assert_allclose(distances.matrix(q, g, "cosine"), cosine, atol=1e-6)
    assert (distances.matrix(q, g, "cosine")[:, 3] == 1).all()


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


def test_both_ways_to_count_agree_where_matches_are_many():
    rng = np.random.default_rng(1)
    for levels in (2, 30, 10**6):
        row = rng.integers(0, levels, 500).astype(np.float32)
        row[rng.integers(0, 500, 20)] = np.nan
        matches = np.sort(rng.permutation(np.flatnonzero(~np.isnan(row)))[:120])
        np.testing.assert_array_equal(
            np.sort(counting.ranks_by_count(row, matches)), counting.ranks_by_search(row, matches)
        )
    pids = rng.integers(1, 3, 400)  # two classes: about 200 matches a query
    matrix = rng.integers(0, 90, (6, 400)).astype(np.float64)
    assert_same(evaluate_distances(matrix, [1, 2] * 3, pids), brute_force(matrix, [1, 2] * 3, pids))


def test_cmc_is_longer_than_the_gallery_and_ends_at_one():
    result = evaluate_distances(np.array([[3.0, 2.0, 1.0]]), [1], [1, 2, 3], max_rank=6)
    assert result.cmc.tolist() == [0, 0, 1, 1, 1, 1]
    assert result.rank(3) == 1
    with pytest.raises(ValueError, match="max_rank >= 7"):
        result.rank(7)


def test_metrics_are_named_as_every_table_expects():
    metrics = evaluate_distances([[2.0, 1.0]], [1], [1, 2]).metrics()
    expected = {"rank1": 0, "rank5": 1, "rank10": 1, "mAP": 0.5, "mINP": 0.5, "queries": 1, "left_out": 0, "gallery": 2}
    assert metrics == expected
    assert list(metrics) == list(expected)


def test_single_gallery_shot_equals_the_classic_rank_where_each_person_has_one_image():
    rng = np.random.default_rng(2)
    matrix = rng.integers(0, 12, (20, 20)).astype(np.float32)
    ids = np.arange(1, 21), rng.permutation(np.arange(1, 21)), np.ones(20, int), np.full(20, 2)
    single = evaluate_single_gallery_shot(matrix, *ids, repeats=3)
    full = evaluate_distances(matrix, *ids)
    np.testing.assert_allclose(single.cmc, full.cmc)
    np.testing.assert_array_equal(single.first_match, full.first_match)


def test_single_gallery_shot_averages_over_every_draw():
    # query 1: its two images lie at 1 and 3; person 2 at 0 and 2, person 3 at 4; own camera's image at -1 is not drawn
    matrix = np.array([[1.0, 3.0, 0.0, 2.0, 4.0, -1.0]])
    pids, camids = [1, 1, 2, 2, 3, 1], [2, 2, 2, 2, 2, 1]
    result = evaluate_single_gallery_shot(matrix, [1], pids, [1], camids, repeats=4000, seed=3)
    # rank 1 only where 1 is drawn for the query and 2 for person 2: a quarter of the draws
    assert result.rank(1) == pytest.approx(0.25, abs=0.03)
    assert result.rank(2) == 1
    assert result.mean_average_precision == pytest.approx(0.25 + 0.75 / 2, abs=0.02)
    again = evaluate_single_gallery_shot(matrix, [1], pids, [1], camids, repeats=4000, seed=3)
    assert again.rank(1) == result.rank(1)
    other = evaluate_single_gallery_shot(matrix, [1], pids, [1], camids, repeats=4000, seed=4)
    assert other.rank(1) != result.rank(1)


def test_single_gallery_shot_leaves_out_junk_and_unmatched_queries():
    matrix = np.array([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]])
    result = evaluate_single_gallery_shot(matrix, [1, 9], [-1, 2, 1], repeats=2)
    assert (result.queries, result.left_out, result.gallery) == (1, 1, 2)
    assert result.first_match.tolist() == [2, 0]
    assert result.mean_average_precision == 0.5


def test_nearest_lists_what_was_ranked():
    rng = np.random.default_rng(6)
    query_pids, gallery_pids, camids = people(rng)
    query = embed(rng.normal(size=(30, 8)), query_pids, camids[:30])
    gallery = embed(rng.normal(size=(200, 8)), gallery_pids, camids[30:])
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
        embed(**given)


def test_bad_input_is_refused():
    a, b = embed(np.ones((2, 3)), [1, 2], [1, 1]), embed(np.ones((2, 3)), [1, 2])
    with pytest.raises(ValueError, match="one side only"):
        evaluate(a, b)
    with pytest.raises(ValueError, match="3 wide, gallery features 4"):
        evaluate(b, embed(np.ones((2, 4)), [1, 2]))
    with pytest.raises(ValueError, match=r"gallery features are not finite \(first in row 1"):
        evaluate(b, embed(np.array([[1, 1, 1], [np.nan, 1, 1]]), [1, 2]))
    with pytest.raises(ValueError, match="'manhattan' is unknown"):
        evaluate(b, b, "manhattan")  # pyrefly: ignore[bad-argument-type]
    with pytest.raises(ValueError, match="distances hold NaN"):
        evaluate_distances([[np.nan, 1.0]], [1], [1, 2])
    with pytest.raises(ValueError, match="repeats"):
        evaluate_single_gallery_shot([[1.0]], [1], [1], repeats=0)


def single_shot_by_hand(matrix, query_pids, gallery_pids, query_camids, gallery_camids, repeats, seed):
    """Ranks in every repeat (repeats, Q): draw an order, give each person its first allowed image, sort."""
    draw = np.random.default_rng(seed)
    ranked = [g for g in range(len(gallery_pids)) if gallery_pids[g] != -1]
    ranks = np.zeros((repeats, len(query_pids)), int)
    for r in range(repeats):
        order = draw.permutation(ranked)
        for q in range(len(query_pids)):
            shown = {}
            for g in order:
                own = gallery_pids[g] == query_pids[q] and gallery_camids[g] == query_camids[q]
                if not own:
                    shown.setdefault(gallery_pids[g], g)
            if query_pids[q] in (-1, 0) or query_pids[q] not in shown:
                continue
            # somebody else stands in with the first image of theirs in the order, whatever the camera
            by_distance = sorted(shown.values(), key=lambda g, q=q: (matrix[q][g], g))
            ranks[r, q] = 1 + by_distance.index(shown[query_pids[q]])
    return ranks


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_single_gallery_shot_from_features_equals_a_brute_force_for_any_block(seed, metric, monkeypatch):
    rng = np.random.default_rng(seed)
    query_pids, gallery_pids, camids = people(rng, G=60)
    query = embed(rng.normal(size=(30, 6)), query_pids, camids[:30])
    gallery = embed(rng.normal(size=(60, 6)), gallery_pids, camids[30:])
    matrix = distances.matrix(query.features, gallery.features, metric)
    ids = query_pids, gallery_pids, camids[:30], camids[30:]
    ranks = single_shot_by_hand(matrix, *ids, repeats=7, seed=seed)
    counted = ranks[0] > 0
    cmc = [np.mean(ranks[:, counted] <= k) for k in range(1, 6)]
    for rows in (30, 7, 1):
        monkeypatch.setattr(distances, "BLOCK_BYTES", rows * 60 * 4)
        result = ranking.single_gallery_shot(query, gallery, metric, max_rank=5, repeats=7, seed=seed)
        np.testing.assert_allclose(result.cmc, cmc)
        assert result.mean_average_precision == pytest.approx(np.mean(1 / ranks[:, counted]))
        assert result.mean_inverse_negative_penalty == result.mean_average_precision
        assert result.first_match.tolist() == ranks[-1].tolist()
        assert (result.queries, result.left_out) == (counted.sum(), (~counted).sum())
    from_matrix = evaluate_single_gallery_shot(matrix, *ids, max_rank=5, repeats=7, seed=seed)
    np.testing.assert_array_equal(from_matrix.cmc, result.cmc)
    assert from_matrix.average_precision[counted].tolist() == result.average_precision[counted].tolist()


def test_single_gallery_shot_with_nobody_to_find_is_refused():
    lonely = embed(np.ones((2, 3)), [8, 9])
    with pytest.raises(ValueError, match="no query has a match"):
        ranking.single_gallery_shot(lonely, embed(np.ones((2, 3)), [1, 2]))


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
