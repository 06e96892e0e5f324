"""The split of people: every value on both sides, by hand-made people and on the real file."""

import numpy as np
import pytest

from sanreid.data import attributes, stratified


def both_sides(classes, sides):
    """For each head and value that two or more carry: the number in val, by plain loops."""
    result = {}
    for head in range(len(classes[0])):
        for value in {row[head] for row in classes}:
            carriers = [i for i, row in enumerate(classes) if row[head] == value]
            if len(carriers) > 1:
                result[head, value] = (sum(sides[i] == "val" for i in carriers), len(carriers))
    return result


@pytest.mark.parametrize("seed", range(20))
def test_every_value_of_two_people_is_on_both_sides(seed):
    rng = np.random.default_rng(seed)
    common = (rng.random((60, 6)) < 0.4).astype(int)
    rare = np.zeros((60, 3), int)
    rare[:4, 0] = rare[2:5, 1] = rare[[0, 4, 9], 2] = 1  # rare values that share people
    classes = np.concatenate([common, rare], axis=1)[rng.permutation(60)]
    sides = stratified.split(classes, 0.8, seed)
    assert all(0 < held < count for held, count in both_sides(classes.tolist(), sides).values())
    assert 40 <= (sides == "train").sum() <= 54


def test_rare_values_that_share_people_are_parted_whatever_the_order(caplog):
    """In two of three orders of these six people the greedy pass alone leaves a value on one side."""
    carriers = [(2, 3, 5), (0, 1, 4), (0, 2, 4), (2, 4), (1, 4), (1, 2, 3), (3, 4, 5)]
    classes = 10 + np.arange(6 * len(carriers)).reshape(6, -1)  # every other value belongs to one person
    for head, people in enumerate(carriers):
        classes[list(people), head] = 1
    for seed in range(12):
        sides = stratified.split(classes, 0.5, seed)
        assert all(0 < held < count for held, count in both_sides(classes.tolist(), sides).values())
    assert not caplog.text


def test_the_split_is_seeded_and_its_ratio_checked():
    classes = np.arange(40).reshape(40, 1) % 4
    a, b = (stratified.split(classes, 0.75, 5) for _ in range(2))
    assert (a == b).all()
    assert any((stratified.split(classes, 0.75, s) != a).any() for s in range(5))
    assert [held for held, _ in both_sides(classes.tolist(), a).values()] == [2, 2, 2, 2] or (a == "val").sum() == 10
    with pytest.raises(ValueError, match=r"train_ratio: 1\.0"):
        stratified.split(classes, 1.0, 0)


def test_a_split_that_cannot_be_warns(caplog):
    triangle = np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1]])  # each pair shares a value: two sides cannot part them all
    stratified.split(np.concatenate([triangle, 2 + np.arange(9).reshape(3, 3)], axis=1), 0.5, 0)
    assert "on one side only" in caplog.text


def test_the_real_people_split(published):
    people = [p for p in attributes.people(published / "market_attribute.mat") if p.side == "train"]
    classes = np.array([list(attributes.heads(p.fields, "").values()) for p in people])
    for seed in range(3):
        sides = stratified.split(classes, 0.8, seed)
        assert all(0 < held < count for held, count in both_sides(classes.tolist(), sides).values())
        assert abs((sides == "train").mean() - 0.8) < 0.02
