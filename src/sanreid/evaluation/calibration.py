"""Calibrated probability that two pictures show the same person, and thresholds, from held-out people.

Decisions:
- The probability is a logistic function of the cosine similarity (Platt 1999, with his targets, so that the slope is
  finite even if the classes do not overlap). Isotonic regression fits better, but is a step function that gives exactly
  0 and 1 at its ends, and needs many pairs per step; two parameters generalise better to other people.
  `calibration_error` measures the error of the fit.
- Genuine and impostor pairs have equal total weight, so the probability assumes a PRIOR of 1/2. `probability` takes
  another prior; for two random pictures of a crowd it is far lower.
- A stage's verification.json and the calibration.json that `sanreid same` reads in a model folder have one format.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sanreid import runtime
from sanreid.evaluation import verification
from sanreid.evaluation.ranking_metrics import DISTRACTOR, ids
from sanreid.evaluation.verification import BINS, Pairs, Threshold, edge

PRIOR = 0.5
RATES = (0.01, 0.001, 0.0001)  # of false accepts, for which there are thresholds
FILE = "calibration.json"  # in a model folder
MEASURED = "verification.json"  # of an evaluation
_STEPS, _GROUPS = 100, 10  # Newton's at most; parts of [0, 1] over which the calibration error is taken


@dataclass(frozen=True)
class Calibration:
    """What calibration.json and verification.json hold."""

    slope: float  # of the log odds over the cosine similarity
    intercept: float
    prior: float  # that the intercept assumes
    calibration_error: (
        float  # expected, of balanced pairs, over ten equal parts of [0, 1]; on the pairs it was fitted to
    )
    equal_error_rate: float
    equal_error_similarity: float
    tpr_at_fpr: dict[str, float | None]  # by "0.001"; None where there are fewer than 1 / rate impostor pairs
    thresholds: dict[str, Threshold | None]  # likewise
    genuine: int  # pairs
    impostor: int
    people: int
    pictures: int

    def probability(self, similarity: float, prior: float = PRIOR) -> float:
        """The probability that two pictures of this similarity show one person, if a share `prior` of pairs does."""
        if not 0 < prior < 1:
            raise ValueError(f"prior: {prior}; a share between 0 and 1, without both, is wanted")
        odds = self.slope * similarity + self.intercept
        return float(_logistic(odds + _logit(prior) - _logit(self.prior)))

    def at(self, rate: float) -> Threshold:
        """The threshold for a false-accept rate of RATES; ValueError if it is not there, or pairs are too few."""
        name = f"{rate:g}"
        if name not in self.thresholds:
            raise ValueError(f"false-accept rate {name}: choose one of {', '.join(self.thresholds)}")
        found = self.thresholds[name]
        if found is None:
            known = [k for k, v in self.thresholds.items() if v is not None]
            raise ValueError(
                f"false-accept rate {name}: {self.impostor} pairs of two people are too few to tell; "
                + (f"choose {' or '.join(known)}, or calibrate on more people" if known else "calibrate on more people")
            )
        return found

    def write(self, file: Path) -> None:
        """Write it as JSON."""
        runtime.write_json(file, asdict(self))


def read(file: Path) -> Calibration:
    """The calibration that a file holds.

    Raises FileNotFoundError where there is none, ValueError naming it where it is damaged or holds something else.
    """
    values = dict(runtime.read_json(file))
    try:
        values["thresholds"] = {k: v and Threshold(**v) for k, v in values["thresholds"].items()}
        found = Calibration(**values)
        numbers = [found.slope, found.intercept, found.equal_error_similarity]
        if not np.isfinite(numbers).all() or not 0 < found.prior < 1:
            raise TypeError("its numbers are out of range")
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{file}: no calibration ({error}); write one with `sanreid calibrate`") from None
    return found


def calibrate(features: NDArray[np.float32], pids: ArrayLike, camids: ArrayLike | None = None) -> Calibration:
    """The calibration on features (N, D) of people (N,) in cameras (N,), or None where cameras are not known.

    Raises ValueError for features that are not finite, or where there is no genuine or no impostor pair.
    """
    people = ids(pids, len(features), "pids")
    return of_pairs(verification.count(features, people, camids), people)


def of_pairs(pairs: Pairs, people: NDArray[np.int64]) -> Calibration:
    """The calibration from counted pairs of pictures of `people` (N,)."""
    slope, intercept = fit(pairs)
    curve = verification.roc(pairs)
    rate, similarity = verification.equal_error(curve)
    found = {f"{rate:g}": verification.threshold(curve, rate, int(pairs.impostor.sum())) for rate in RATES}
    somebody = people[people > DISTRACTOR]
    return Calibration(
        slope=slope,
        intercept=intercept,
        prior=PRIOR,
        calibration_error=calibration_error(pairs, slope, intercept),
        equal_error_rate=rate,
        equal_error_similarity=similarity,
        tpr_at_fpr={name: None if at is None else at.tpr for name, at in found.items()},
        thresholds=found,
        genuine=int(pairs.genuine.sum()),
        impostor=int(pairs.impostor.sum()),
        people=len(np.unique(somebody)),
        pictures=len(somebody),
    )


def fit(pairs: Pairs) -> tuple[float, float]:
    """Slope and intercept of the log odds over the similarity, each kind of pair weighing a half (Newton's method).

    Targets are Platt's: (n + 1) / (n + 2) for n genuine pairs, 1 / (n + 2) for n impostor pairs.
    """
    middle = edge(np.arange(BINS) + 0.5)
    genuine, impostor = (c / c.sum() / 2 for c in pairs)
    high, low = (pairs.genuine.sum() + 1) / (pairs.genuine.sum() + 2), 1 / (pairs.impostor.sum() + 2)
    weight, wanted = genuine + impostor, genuine * high + impostor * low
    some = weight > 0
    design, weight, wanted = np.stack([middle[some], np.ones(some.sum())], 1), weight[some], wanted[some]

    def loss(at: NDArray[np.float64]) -> float:
        odds = design @ at
        return float(weight @ np.logaddexp(0, odds) - wanted @ odds)

    found = np.zeros(2)
    for _ in range(_STEPS):
        told = _logistic(design @ found)
        slope = design.T @ (weight * told - wanted)
        curvature = (design * (weight * told * (1 - told))[:, None]).T @ design + 1e-12 * np.eye(2)
        step, size, before = np.linalg.solve(curvature, slope), 1.0, loss(found)
        while loss(found - size * step) > before and size > 1e-10:
            size /= 2
        found = found - size * step
        if np.abs(size * step).max() < 1e-9 * (1 + np.abs(found).max()):
            break
    return float(found[0]), float(found[1])


def calibration_error(pairs: Pairs, slope: float, intercept: float) -> float:
    """The mean, over balanced pairs, of |share of genuine ones - mean probability| in _GROUPS equal parts of [0, 1]."""
    told = _logistic(slope * edge(np.arange(BINS) + 0.5) + intercept)
    genuine, impostor = (c / c.sum() / 2 for c in pairs)
    group = np.minimum((told * _GROUPS).astype(int), _GROUPS - 1)
    excess = np.bincount(group, genuine - told * (genuine + impostor), _GROUPS)
    return float(np.abs(excess).sum())


def write(folder: Path, features: NDArray[np.float32], rows: pd.DataFrame) -> None:
    """`folder` gets verification.json and roc.csv of the features (N, D) of `rows` of an index table (pid, camid).

    Of a set without such pairs verification.json says why (`missing`), and the curve is empty.
    """
    pids = rows["pid"].to_numpy("int64")
    camids = None if rows["camid"].isna().any() else rows["camid"].to_numpy("int64")
    people = ids(pids, len(features), "pids")
    try:
        pairs = verification.count(features, people, camids)
    except ValueError as error:
        values: dict[str, Any] = {"missing": str(error)}
        curve = pd.DataFrame({"threshold": [], "fpr": [], "tpr": []})
    else:
        values, curve = asdict(of_pairs(pairs, people)), verification.table(verification.roc(pairs))
    runtime.write_json(folder / MEASURED, values)
    curve.to_csv(folder / "roc.csv", index=False)


def _logistic(odds: Any) -> Any:
    return 0.5 * (1 + np.tanh(0.5 * odds))


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))
