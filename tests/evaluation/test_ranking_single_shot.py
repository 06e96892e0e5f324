"""The single-gallery-shot protocol against a brute force that draws the same galleries, and by hand."""

import numpy as np
import pytest

from sanreid.evaluation import distances, ranking
from sanreid.evaluation.ranking import Embeddings, evaluate_distances, evaluate_single_gallery_shot
from tests.evaluation.oracle import people, single_shot_by_hand


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


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_single_gallery_shot_from_features_equals_a_brute_force_for_any_block(seed, metric, monkeypatch):
    rng = np.random.default_rng(seed)
    query_pids, gallery_pids, camids = people(rng, G=60)
    query = Embeddings(rng.normal(size=(30, 6)), query_pids, camids[:30])
    gallery = Embeddings(rng.normal(size=(60, 6)), gallery_pids, camids[30:])
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
    lonely = Embeddings(np.ones((2, 3)), [8, 9])
    with pytest.raises(ValueError, match="no query has a match"):
        ranking.single_gallery_shot(lonely, Embeddings(np.ones((2, 3)), [1, 2]))


def test_no_repeat_is_refused():
    with pytest.raises(ValueError, match="repeats"):
        evaluate_single_gallery_shot([[1.0]], [1], [1], repeats=0)
