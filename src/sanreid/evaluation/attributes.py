"""Scores of attribute predictions, compared with always predicting the majority class.

Decisions: the classes are imbalanced (95 % wear no hat), so there are balanced accuracy, F1 and a majority baseline
beside accuracy. The baseline always predicts the most frequent class of the training images, because it may not use the
test data. Images of one person are not independent; confidence intervals are from resampling people with all their
images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sanreid import runtime
from sanreid.evaluation import features
from sanreid.evaluation.features import Precision

Counts = NDArray[np.int64]  # (C, C): rows are the true class, columns the predicted one
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Scores:
    """The scores of one head on one split, fractions in [0, 1].

    `balanced` is the mean recall of the classes that occur; `f1` the mean F1 of those that occur or were predicted
    (scikit-learn's macro F1).
    """

    accuracy: float
    balanced: float
    f1: float


@dataclass(frozen=True)
class Head:
    """A head's confusion counts (C, C), its scores, those of the majority class, and 95 % intervals of what it gains.

    `carriers` are the numbers of people with each class, `majority` is the index of the majority class. `interval` is
    that of the gain, `accuracy_interval` of accuracy minus the baseline's; None with fewer than two people.
    """

    counts: Counts
    carriers: tuple[int, ...]
    scores: Scores
    majority: int
    baseline: Scores
    interval: tuple[float, float] | None
    accuracy_interval: tuple[float, float] | None

    @property
    def gain(self) -> float:
        """Balanced accuracy beyond the baseline's."""
        return self.scores.balanced - self.baseline.balanced

    @property
    def judged(self) -> bool:
        """Whether at least two classes occur in at least two people each; one person says little about a class."""
        return sum(n > 1 for n in self.carriers) > 1

    @property
    def shown(self) -> bool:
        """Whether the gain's interval is above 0."""
        return self.judged and self.interval is not None and self.interval[0] > 0


def predict(
    model: nn.Module,
    images: Tensor,
    classes: Mapping[str, int],
    batch: int,
    flip_average: bool = False,
    precision: Precision = "float32",
) -> NDArray[np.int64]:
    """The most likely class of each head (N, heads) for uint8 images (N, 3, H, W); `classes` are the heads' sizes.

    `flip_average` takes the mean of an image's logits and its mirror image's. Raises ValueError for no images.
    """
    logits = features.extract(
        model,
        images,
        batch,
        flip_average,
        read=lambda out: torch.cat([out.logits[head].float() for head in classes], 1),
        precision=precision,
    )
    ends = np.cumsum(list(classes.values()))[:-1]
    return np.stack([part.argmax(1) for part in np.split(logits, ends, axis=1)], 1).astype(np.int64)


def by_person(truth: NDArray, predicted: NDArray, pids: NDArray, classes: int) -> NDArray[np.int64]:
    """Confusion counts (P, C, C) of each person, by ascending pid, from one head's classes of N images."""
    people, person = np.unique(pids, return_inverse=True)
    counts = np.zeros((len(people), classes, classes), np.int64)
    np.add.at(counts, (person, truth, predicted), 1)
    return counts


def scores(counts: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Accuracy, balanced accuracy and macro F1 of confusion counts (..., C, C), each (...); nan where all are 0."""
    right = np.diagonal(counts, axis1=-2, axis2=-1).astype(float)
    true, told = counts.sum(-1).astype(float), counts.sum(-2).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy = right.sum(-1) / true.sum(-1)
        recall = np.where(true > 0, right / true, 0.0)
        balanced = recall.sum(-1) / (true > 0).sum(-1)
        f1 = np.where(true + told > 0, 2 * right / (true + told), 0.0)
        return accuracy, balanced, f1.sum(-1) / (true + told > 0).sum(-1)


def constant(counts: NDArray, told: int) -> NDArray:
    """The confusion counts (..., C, C) of a classifier that always predicts class `told`, on the same images."""
    result = np.zeros_like(counts)
    result[..., told] = counts.sum(-1)
    return result


def judge(people: NDArray[np.int64], majority: int, draws: int, seed: int, key: str) -> Head:
    """A head's scores from the counts (P, C, C) of its people, with intervals from `draws` draws of P people."""
    counts = people.sum(0)
    own, base = (Scores(*(float(v) for v in scores(c))) for c in (counts, constant(counts, majority)))
    gains = _redrawn_gains(people, majority, draws, seed, key) if len(people) > 1 else None
    return Head(
        counts,
        tuple((people.sum(2) > 0).sum(0).tolist()),
        own,
        majority,
        base,
        None if gains is None else _interval(gains[1]),
        None if gains is None else _interval(gains[0]),
    )


def _redrawn_gains(
    people: NDArray[np.int64], majority: int, draws: int, seed: int, key: str
) -> tuple[NDArray, NDArray]:
    """Accuracy and balanced accuracy beyond the baseline's, in each of `draws` draws of people with replacement."""
    count, classes, _ = people.shape
    random = runtime.rng(seed, "people drawn again", key)
    times = random.multinomial(count, np.full(count, 1 / count), size=draws)
    drawn = (times @ people.reshape(count, -1)).reshape(draws, classes, classes)
    own, base = scores(drawn), scores(constant(drawn, majority))
    return own[0] - base[0], own[1] - base[1]


def _interval(values: NDArray) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def majority(labels: NDArray, classes: int) -> int:
    """The class that most of `labels` (N,) carry; the first of those that tie."""
    return int(np.bincount(labels, minlength=classes).argmax())


def mean(heads: Sequence[Head]) -> dict[str, float | int]:
    """The mean of each score over the heads, and how many of those that can be judged gain over the baseline for sure.

    Balanced accuracy, F1 and gain are over the judged heads; accuracy is over all, as it is published.
    """
    judged = [h for h in heads if h.judged]
    result: dict[str, float | int] = {
        "accuracy": float(np.mean([h.scores.accuracy for h in heads])),
        "majority_accuracy": float(np.mean([h.baseline.accuracy for h in heads])),
        "judged_heads": len(judged),
        "heads_above_majority": sum(h.shown for h in judged),
    }
    if judged:
        result |= {
            "balanced_accuracy": float(np.mean([h.scores.balanced for h in judged])),
            "majority_balanced_accuracy": float(np.mean([h.baseline.balanced for h in judged])),
            "f1": float(np.mean([h.scores.f1 for h in judged])),
            "majority_f1": float(np.mean([h.baseline.f1 for h in judged])),
        }
    return result
