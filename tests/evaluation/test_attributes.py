"""Scores of attributes against plain loops and scikit-learn; the majority baseline; intervals by drawing people."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn import metrics
from torch import nn

from sanreid.data.tensors import normalise_images
from sanreid.evaluation import attributes


def drawn(n, classes, seed, shown=None):
    """Truth, prediction and people of n images; only the classes of `shown` occur."""
    draw = np.random.default_rng(seed)
    shown = list(range(classes)) if shown is None else shown
    truth = draw.choice(shown, n)
    return truth, np.where(draw.random(n) < 0.5, truth, draw.integers(0, classes, n)), draw.integers(0, 6, n)


def by_loops(truth, predicted, classes):
    recalls, f1s = [], []
    for c in range(classes):
        true = sum(t == c for t in truth)
        told = sum(p == c for p in predicted)
        right = sum(t == p == c for t, p in zip(truth, predicted, strict=True))
        if true:
            recalls.append(right / true)
        if true or told:
            f1s.append(2 * right / (true + told))
    accuracy = sum(t == p for t, p in zip(truth, predicted, strict=True)) / len(truth)
    return accuracy, sum(recalls) / len(recalls), sum(f1s) / len(f1s)


@pytest.mark.parametrize("shown", [None, [1, 3], [2]])
@pytest.mark.parametrize("seed", range(5))
def test_scores_against_plain_loops_and_scikit_learn(seed, shown):
    truth, predicted, pids = drawn(70, 5, seed, shown)
    counts = attributes.by_person(truth, predicted, pids, 5)
    assert counts.shape == (len(set(pids)), 5, 5)
    np.testing.assert_array_equal(counts.sum(0), metrics.confusion_matrix(truth, predicted, labels=range(5)))
    for i, pid in enumerate(sorted(set(pids))):
        mine = pids == pid
        expected = metrics.confusion_matrix(truth[mine], predicted[mine], labels=range(5))
        np.testing.assert_array_equal(counts[i], expected)
    found = tuple(float(v) for v in attributes.scores(counts.sum(0)))
    assert found == pytest.approx(by_loops(truth, predicted, 5))
    assert found[0] == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert found[1] == pytest.approx(metrics.recall_score(truth, predicted, labels=sorted(set(truth)), average="macro"))
    assert found[2] == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))


def test_the_baseline_always_says_the_majority_of_training():
    truth, predicted, pids = drawn(60, 4, 0)
    people = attributes.by_person(truth, predicted, pids, 4)
    head = attributes.judge(people, 2, 100, 0, "x")
    said = np.full(60, 2)
    expected = by_loops(truth, said, 4)
    assert (head.baseline.accuracy, head.baseline.balanced, head.baseline.f1) == pytest.approx(expected)
    assert head.baseline.balanced == pytest.approx(1 / len(set(truth)))
    assert head.gain == pytest.approx(head.scores.balanced - head.baseline.balanced)


def test_the_majority_is_the_most_frequent_class_and_the_first_of_a_tie():
    assert attributes.majority(np.array([1, 1, 0, 2]), 4) == 1
    assert attributes.majority(np.array([3, 1, 3, 1]), 4) == 1
    assert attributes.majority(np.array([0]), 2) == 0


def test_intervals_are_quantiles_over_people_drawn_again():
    truth, predicted, pids = drawn(80, 3, 4)
    people = attributes.by_person(truth, predicted, pids, 3)
    head = attributes.judge(people, 0, 4000, 1, "x")
    draw = np.random.default_rng(7)
    gains, accuracies = [], []
    names = sorted(set(pids))
    for _ in range(2000):  # image by image, by another generator
        some = draw.choice(names, len(names))
        rows = np.concatenate([np.flatnonzero(pids == p) for p in some])
        own, base = by_loops(truth[rows], predicted[rows], 3), by_loops(truth[rows], np.zeros(len(rows)), 3)
        gains.append(own[1] - base[1])
        accuracies.append(own[0] - base[0])
    assert head.interval == pytest.approx(np.quantile(gains, [0.025, 0.975]), abs=0.02)
    assert head.accuracy_interval == pytest.approx(np.quantile(accuracies, [0.025, 0.975]), abs=0.02)
    assert attributes.judge(people, 0, 4000, 1, "x").interval == head.interval


def head_of(truth, predicted, pids, classes=2, majority=0):
    people = attributes.by_person(np.array(truth), np.array(predicted), np.array(pids), classes)
    return attributes.judge(people, majority, 200, 0, "x")


def test_what_one_person_carries_alone_is_not_judged():
    alone = head_of([0, 0, 0, 1, 1], [0, 0, 0, 1, 1], [1, 2, 3, 4, 4])
    assert alone.carriers == (3, 1)
    assert not alone.judged
    assert not alone.shown
    two = head_of([0, 0, 0, 1, 1], [0, 0, 0, 1, 1], [1, 2, 3, 4, 5])
    assert two.carriers == (3, 2)
    assert two.judged


def test_a_gain_is_shown_where_its_interval_lies_above_zero():
    pids = np.repeat(np.arange(20), 3)
    truth = (pids % 2).tolist()
    right = head_of(truth, truth, pids)
    assert right.gain == 0.5
    assert right.shown
    constant = head_of(truth, [0] * 60, pids)
    assert constant.gain == 0
    assert constant.interval == (0, 0)
    assert not constant.shown
    one = head_of([0, 1], [0, 1], [5, 5])
    assert one.interval is None
    assert not one.shown


def test_means_are_over_all_for_accuracy_and_over_the_judged_for_the_rest():
    pids = np.repeat(np.arange(10), 2)
    truth = (pids % 2).tolist()
    judged, unjudged = head_of(truth, truth, pids), head_of([0] * 20, [1] * 20, pids)
    mean = attributes.mean([judged, unjudged])
    assert mean["accuracy"] == 0.5
    assert mean["majority_accuracy"] == 0.75
    assert (mean["judged_heads"], mean["heads_above_majority"]) == (1, 1)
    assert (mean["balanced_accuracy"], mean["majority_balanced_accuracy"], mean["f1"]) == (1, 0.5, 1)
    assert "f1" not in attributes.mean([unjudged])


class Net(nn.Module):
    """Logits are the image's mean colours, differently for each head."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images):
        means = self.scale * images.mean((2, 3))
        left = images[:, :1, :, :1].mean((2, 3))

        return SimpleNamespace(logits={"a": means, "b": torch.cat([left, means[:, :1]], 1)})


def test_predictions_are_the_most_likely_class_of_each_head():
    images = torch.randint(0, 256, (9, 3, 8, 4), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    images[:, 0, :, :2] //= 2
    found = attributes.predict(Net(), images, {"a": 3, "b": 2}, batch=4)
    out = Net()(normalise_images(images)).logits
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, torch.stack([out["a"].argmax(1), out["b"].argmax(1)], 1).numpy())
    flipped = attributes.predict(Net(), images, {"a": 3, "b": 2}, batch=4, flip_average=True)
    mirrored = Net()(normalise_images(images.flip(3))).logits
    both = torch.stack([(out[h] + mirrored[h]).argmax(1) for h in "ab"], 1)
    np.testing.assert_array_equal(flipped, both.detach().numpy())
