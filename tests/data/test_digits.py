"""The digits' tensor and their divisions: disjoint, complete, balanced, stable; what a division takes of the images."""

from collections import Counter

import cv2
import numpy as np
import pytest
import torch

from sanreid.data import digits, index
from tests.data import toy_digits


@pytest.fixture
def folder(tmp_path):
    return toy_digits.write(tmp_path / "mnist")


def test_read_keeps_the_tables_order_and_its_pixels(folder):
    table, read = index.read(folder), digits.read(folder)
    assert read.images.shape == (len(table), 1, 28, 28)
    assert read.images.dtype == torch.uint8
    assert read.labels.tolist() == table["pid"].tolist()
    assert read.tested.tolist() == (table["split"] == "test").tolist()
    for row in (0, len(table) - 1):
        expected = cv2.imread(str(folder / table["path"][row]), cv2.IMREAD_GRAYSCALE)
        np.testing.assert_array_equal(read.images[row, 0].numpy(), expected)
    some = read.at(torch.tensor([3, 1]))
    assert some.labels.tolist() == [read.labels[3], read.labels[1]]
    assert torch.equal(some.images[1], read.images[1])


def test_what_is_no_set_of_digits_is_refused(folder):
    table = index.read(folder)
    cv2.imwrite(str(folder / table["path"][4]), np.zeros((28, 20), np.uint8))
    with pytest.raises(ValueError, match=f"{table['path'][4]}: 20 x 28, not 28 x 28"):
        digits.read(folder)
    table["pid"] += 1
    index.write(table, folder)
    with pytest.raises(ValueError, match="pid must be 0 to 9"):
        digits.read(folder)
    table.assign(pid=3, split="gallery").to_parquet(folder / index.NAME)
    with pytest.raises(ValueError, match="neither of split train nor of test"):
        digits.read(folder)


def test_normalised_digits_are_as_published():
    images = torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1)
    expected = [(0 - 0.1307) / 0.3081, (1 - 0.1307) / 0.3081]
    assert digits.normalise(images).flatten().tolist() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 77])
def test_divisions_are_disjoint_complete_and_balanced(seed):
    counts = {part: Counter() for part in digits.Division._fields}
    found = set()
    for k in range(10):
        division = digits.divide(f"d{k}", seed)
        assert [len(part) for part in division] == [4, 2, 4]
        assert sorted(sum(division, ())) == list(range(10))
        found.add(division)
        for part, wanted in division._asdict().items():
            counts[part].update(wanted)
    assert len(found) == 10
    assert {part: set(c.values()) for part, c in counts.items()} == {"train": {4}, "calibrate": {2}, "find": {4}}
    assert digits.divide("seen", seed) == (tuple(range(10)),) * 3


def test_divisions_are_stable():
    # other digits here would change every published number of the open world
    assert digits.divide("d0", 0) == ((0, 2, 6, 9), (5, 7), (1, 3, 4, 8))
    assert digits.divide("d0", 0) != digits.divide("d0", 1)
    assert {type(d) for part in digits.divide("d0", 0) for d in part} == {int}


@pytest.mark.parametrize("name", ["d10", "", "all"])
def test_an_unknown_division_is_named(name):
    with pytest.raises(ValueError, match=f"no '{name}'; there are seen, d0, d1"):
        digits.divide(name, 0)


def test_an_image_is_in_one_part_and_no_part_lacks_one(folder):
    read = digits.read(folder)
    for name in digits.DIVISIONS:
        division, rows = digits.divide(name, 3), digits.rows(read, name, 3, 0.25)
        together = torch.cat(list(rows)).tolist()
        assert len(together) == len(set(together))
        for part, wanted in division._asdict().items():
            mine = getattr(rows, part)
            assert mine.tolist() == sorted(mine.tolist())
            assert set(read.labels[mine].tolist()) == set(wanted)
        assert not read.tested[rows.train].any()
        if name == "seen":
            assert sorted(together) == list(range(len(read.labels)))
            assert read.tested[rows.find].all()
            held = Counter(read.labels[rows.calibrate].tolist())
            every = Counter(read.labels[~read.tested].tolist())
            assert held == {digit: round(n / 4) for digit, n in every.items()}
        else:  # all images, of both files, of the digits that were not trained on
            others = division.calibrate + division.find
            assert len(rows.calibrate) + len(rows.find) == sum(read.labels.tolist().count(d) for d in others)
    again = digits.rows(read, "seen", 3, 0.25)
    assert torch.equal(again.calibrate, digits.rows(read, "seen", 3, 0.25).calibrate)
    assert not torch.equal(again.calibrate, digits.rows(read, "seen", 4, 0.25).calibrate)


def test_a_part_without_one_of_its_digits_is_refused(folder):
    read = digits.read(folder)
    with pytest.raises(ValueError, match=r"division seen: no image of \[5\] to train"):
        digits.rows(read.at((read.labels != 5) | read.tested), "seen", 0, 0.25)
    with pytest.raises(ValueError, match=r"division d\d: no image of \[5\]"):
        for k in range(10):
            digits.rows(read.at(read.labels != 5), f"d{k}", 0, 0.25)
