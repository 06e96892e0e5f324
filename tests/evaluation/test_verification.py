"""Pairs, ROC, thresholds and equal error rate against loops over all pairs; blocks that change nothing."""

import numpy as np
import pytest

from sanreid.evaluation import verification
from sanreid.evaluation.verification import BINS, edge


@pytest.fixture(scope="module")
def people():
    """Features (60, 8) of 9 people in 3 cameras, somebody junk and some distractors among them."""
    generator = np.random.default_rng(0)
    pids = generator.integers(1, 10, 60)
    pids[:4] = [0, 0, -1, -1]
    centres = generator.normal(size=(12, 8))
    features = (centres[pids] + generator.normal(0, 0.9, (60, 8))).astype(np.float32)
    return features, pids, generator.integers(1, 4, 60)


def by_loops(features, pids, camids):
    """The bins of genuine and of impostor pairs."""
    genuine, impostor = [], []
    for i in range(len(pids)):
        for j in range(i + 1, len(pids)):
            if pids[i] <= 0 or pids[j] <= 0:
                continue
            a, b = features[i].astype(float), features[j].astype(float)
            place = int((a @ b / np.linalg.norm(a) / np.linalg.norm(b) + 1) / 2 * BINS)
            if pids[i] != pids[j]:
                impostor.append(place)
            elif camids is None or camids[i] != camids[j]:
                genuine.append(place)
    return np.array(genuine), np.array(impostor)


def test_pairs_are_those_of_two_loops_whatever_the_blocks(people, monkeypatch):
    features, pids, camids = people
    for cameras in (camids, None):
        whole = verification.count(features, pids, cameras)
        for found, places in zip(whole, by_loops(features, pids, cameras), strict=True):
            assert found.sum() == len(places)
            # float32 may put a pair into the next bin
            np.testing.assert_allclose(np.repeat(np.arange(BINS), found), np.sort(places), atol=1)
        monkeypatch.setattr(verification, "PAIRS", 150)
        for part, all_ in zip(verification.count(features, pids, cameras), whole, strict=True):
            np.testing.assert_allclose(np.cumsum(part), np.cumsum(all_), atol=2)
        monkeypatch.undo()


def test_roc_thresholds_and_equal_error_are_those_of_loops(people):
    pairs = verification.count(*people)
    genuine, impostor = (np.repeat(np.arange(BINS), c) for c in pairs)
    curve = verification.roc(pairs)
    for place in (0, *np.unique(np.r_[genuine, impostor])[::40], BINS):
        assert curve.fpr[place] == pytest.approx(np.mean(impostor >= place), abs=1e-12)
        assert curve.tpr[place] == pytest.approx(np.mean(genuine >= place), abs=1e-12)
    for rate in (0.3, 0.01):
        lowest = next(k for k in range(BINS + 1) if (impostor >= k).mean() <= rate)
        found = verification.threshold(curve, rate, len(impostor))
        assert found.similarity == edge(lowest)
        assert (found.fpr, found.tpr) == pytest.approx(((impostor >= lowest).mean(), (genuine >= lowest).mean()))
    assert verification.threshold(curve, 0.5 / len(impostor), len(impostor)) is None
    rate, similarity = verification.equal_error(curve)
    false = {k: ((impostor >= k).mean(), (genuine < k).mean()) for k in np.unique(np.r_[genuine, impostor, BINS])}
    assert min(abs(a - b) for a, b in false.values()) == pytest.approx(
        abs((impostor >= (k := round((similarity + 1) / 2 * BINS))).mean() - (genuine < k).mean()), abs=1e-12
    )
    assert rate == pytest.approx(((impostor >= k).mean() + (genuine < k).mean()) / 2)
    assert 0.05 < rate < 0.5  # neither apart nor alike: the numbers above can be wrong


def test_the_table_keeps_the_curve(people):
    curve = verification.roc(verification.count(*people))
    table = verification.table(curve)
    assert len(table) <= 202
    assert table["fpr"].is_monotonic_decreasing
    assert table["tpr"].is_monotonic_decreasing
    area = -np.trapezoid(curve.tpr, curve.fpr)
    assert -np.trapezoid(table["tpr"], table["fpr"]) == pytest.approx(area, abs=0.01)


def test_sets_without_genuine_or_impostor_pairs_are_refused(people):
    features, pids, camids = people
    with pytest.raises(ValueError, match="no person is seen in two cameras"):
        verification.count(features, pids, np.ones(60, int))
    with pytest.raises(ValueError, match="one person alone"):
        verification.count(features, np.ones(60, int), camids)
    with pytest.raises(ValueError, match="not finite"):
        verification.count(np.where(np.arange(60)[:, None] == 9, np.nan, features), pids, camids)
