"""Ranking in plain loops that sort every row, by both protocols, and people to rank: the tests' reference."""

import numpy as np
import pytest


def people(rng, Q=30, G=200, persons=12, cameras=3):
    """Ids with junk, distractors, and persons in the query alone."""
    return rng.integers(0, persons, Q), rng.integers(-1, persons - 2, G), rng.integers(1, cameras + 1, (Q + G))


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


def assert_same(result, expected):
    cmc, mean_ap, mean_inp, firsts = expected
    np.testing.assert_allclose(result.cmc, cmc, rtol=0, atol=1e-12)
    assert result.mean_average_precision == pytest.approx(mean_ap, abs=1e-12)
    assert result.mean_inverse_negative_penalty == pytest.approx(mean_inp, abs=1e-12)
    assert result.first_match.tolist() == firsts
    assert result.queries == np.count_nonzero(firsts)
    assert result.left_out == len(firsts) - np.count_nonzero(firsts)
