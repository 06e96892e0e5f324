"""Invented classes: turned digits and digits of two halves, against numpy and plain loops."""

import numpy as np
import pytest
import torch

from sanreid.data import invented
from sanreid.data.digits import Digits
from sanreid.params import ParamsError, validate

COUNTS = {2: 3, 5: 4, 7: 2}  # images of each digit


@pytest.fixture
def digits() -> Digits:
    labels = torch.tensor([d for d, count in COUNTS.items() for _ in range(count)])
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (len(labels), 1, 28, 28), dtype=np.uint8))
    return Digits(images, labels, torch.zeros(len(labels), dtype=torch.bool))


def section(turns=(), halves=0) -> invented.Invented:
    return validate({"turns": list(turns), "halves": halves}, invented.Invented, "invented")


def test_without_turns_and_halves_nothing_is_added(digits):
    for mine, got in zip(digits, invented.add(digits, section(), 0), strict=True):
        assert torch.equal(mine, got)


def test_each_turn_is_a_class_of_its_own(digits):
    got = invented.add(digits, section(turns=[270, 90]), 0)
    count = len(digits.labels)
    assert len(got.labels) == len(got.images) == len(got.tested) == 3 * count
    assert len(got.labels.unique()) == 9
    for i in range(count):
        for place, quarters in ((count, 1), (2 * count, 3)):
            expected = np.rot90(digits.images[i, 0].numpy(), quarters)
            assert np.array_equal(got.images[place + i, 0].numpy(), expected)
            assert got.labels[place + i] >= 10
            assert (got.labels == got.labels[place + i]).sum() == COUNTS[int(digits.labels[i])]


def test_each_ordered_pair_of_digits_gives_a_class_of_halves_that_are_theirs(digits):
    got = invented.add(digits, section(halves=3), 0)
    new = slice(len(digits.labels), None)
    seen = {}
    for image, label in zip(got.images[new, 0], got.labels[new].tolist(), strict=True):
        owners = []
        for columns in (slice(0, 14), slice(14, 28)):
            same = [torch.equal(image[:, columns], other[0, :, columns]) for other in digits.images]
            owners.append(int(digits.labels[same.index(True)]))
        seen.setdefault(label, []).append(tuple(owners))
    assert all(len(set(owners)) == 1 for owners in seen.values())
    counts = {owners[0]: len(owners) for owners in seen.values()}
    assert counts == {(a, b): min(3, COUNTS[a], COUNTS[b]) for a in COUNTS for b in COUNTS if a != b}
    assert min(seen) >= 10


def test_turns_and_halves_have_different_labels_and_the_seed_draws_the_halves(digits):
    both = section(turns=[90, 180, 270], halves=2)
    first, again, other = (invented.add(digits, both, seed) for seed in (0, 0, 1))
    assert len(first.labels.unique()) == 4 * 3 + 6
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)


def test_other_angles_are_refused():
    with pytest.raises(ParamsError, match=r"invented\.turns"):
        section(turns=[45])
