"""The probability against a general minimiser and other priors; the file of it, and what it refuses."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from sanreid.evaluation import calibration, verification
from sanreid.evaluation.verification import BINS, Pairs, edge


def pairs_of(genuine, impostor):
    """Counts of similarities."""
    return Pairs(
        *(np.bincount(((np.asarray(s) + 1) / 2 * BINS).astype(int), minlength=BINS) for s in (genuine, impostor))
    )


@pytest.fixture(scope="module")
def pairs():
    """Two normal clouds of similarities, ten times as many impostors."""
    generator = np.random.default_rng(1)
    return pairs_of(
        generator.normal(0.6, 0.15, 3000).clip(-1, 0.999), generator.normal(0.1, 0.15, 30_000).clip(-1, 0.999)
    )


def test_the_curve_is_the_one_that_a_general_minimiser_finds(pairs):
    slope, intercept = calibration.fit(pairs)
    genuine, impostor = (np.repeat(edge(np.arange(BINS) + 0.5), c) for c in pairs)
    high, low = 3001 / 3002, 1 / 30_002

    def loss(at):
        terms = []
        for values, target in ((genuine, high), (impostor, low)):
            odds = at[0] * values + at[1]
            terms.append(np.mean(np.logaddexp(0, odds) - target * odds))
        return sum(terms) / 2

    found = minimize(loss, [1.0, 0.0], tol=1e-12)
    np.testing.assert_allclose([slope, intercept], found.x, rtol=1e-3)
    # equal deviations: the true log odds are (0.6 - 0.1) / 0.15^2 a unit of similarity, even at 0.35
    assert slope == pytest.approx(0.5 / 0.15**2, rel=0.1)
    assert -intercept / slope == pytest.approx(0.35, abs=0.02)
    assert calibration.calibration_error(pairs, slope, intercept) < 0.02
    assert calibration.calibration_error(pairs, slope, intercept + 3) > 0.02


def test_classes_that_do_not_overlap_give_a_finite_curve():
    slope, intercept = calibration.fit(pairs_of([0.8, 0.9], [0.1, 0.2, 0.3]))
    assert 0 < slope < 1e3
    assert 1 / (1 + np.exp(-(slope * 0.8 + intercept))) > 0.5 > 1 / (1 + np.exp(-(slope * 0.3 + intercept)))


def test_another_prior_moves_the_odds_as_bayes_says(pairs):
    found = calibration.of_pairs(pairs, np.arange(1, 9))
    even, rare = found.probability(0.4), found.probability(0.4, prior=0.01)
    assert rare / (1 - rare) == pytest.approx(even / (1 - even) * 0.01 / 0.99)
    assert found.probability(1.0) > even > found.probability(-1.0) >= 0
    with pytest.raises(ValueError, match="prior"):
        found.probability(0.4, prior=1.0)


def test_a_file_gives_back_what_was_written(tmp_path, pairs):
    found = calibration.of_pairs(pairs, np.array([0, 1, 1, 2]))
    found.write(tmp_path / calibration.FILE)
    assert calibration.read(tmp_path / calibration.FILE) == found
    assert (found.people, found.pictures, found.genuine, found.impostor) == (2, 3, 3000, 30_000)
    assert found.tpr_at_fpr["0.001"] == found.at(0.001).tpr
    with pytest.raises(ValueError, match=r"choose one of 0\.01, 0\.001"):
        found.at(0.5)
    few = calibration.of_pairs(pairs_of([0.5, 0.9], np.linspace(0, 0.6, 150)), np.array([1, 2]))
    with pytest.raises(ValueError, match="150 pairs of two people are too few"):
        few.at(0.001)
    for text in ("{}", json.dumps({"thresholds": {}}), "no"):
        (tmp_path / "other.json").write_text(text)
        with pytest.raises(ValueError, match=r"other\.json"):
            calibration.read(tmp_path / "other.json")


def test_an_evaluation_gets_the_same_file_and_its_curve(tmp_path):
    generator = np.random.default_rng(2)
    pids = np.repeat(np.arange(1, 7), 5)
    features = (generator.normal(size=(7, 6))[pids] + generator.normal(0, 0.4, (30, 6))).astype(np.float32)
    camids = np.tile(np.arange(1, 6), 6)
    rows = pd.DataFrame({"pid": pids, "camid": pd.array(camids, "Int64")})
    calibration.write(tmp_path, features, rows)
    assert calibration.read(tmp_path / calibration.MEASURED) == calibration.calibrate(features, pids, camids)
    assert (tmp_path / "roc.csv").read_text().startswith("threshold,fpr,tpr\n")
    calibration.write(tmp_path, features, rows.assign(pid=1))
    assert "one person alone" in json.loads((tmp_path / calibration.MEASURED).read_text())["missing"]
    assert verification.table(verification.roc(verification.count(features, pids, camids))).shape[1] == 3
