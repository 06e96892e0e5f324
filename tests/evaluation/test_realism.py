"""Statistics of pictures against plain numpy, and a classifier that finds what is there and nothing else."""

import cv2
import numpy as np
import pytest

from sanreid.data import images
from sanreid.evaluation import realism


@pytest.fixture
def pictures():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (3, 128, 64, 3)).astype(np.uint8)


def test_statistics_are_those_of_plain_numpy(pictures):
    table = realism.statistics(pictures)
    for row, picture in zip(table.to_dict("records"), pictures.astype(float), strict=True):
        middle = picture[16:112, 20:44]
        high, low = middle.max(-1), middle.min(-1)
        assert row["value"] == pytest.approx(high.mean() / 255)
        assert row["contrast"] == pytest.approx(high.std() / 255)
        saturation = np.where(high > 0, (high - low) / np.maximum(high, 1), 0)
        assert row["saturation"] == pytest.approx(saturation.mean(), abs=0.002)  # OpenCV rounds to bytes
        grey = np.rint(picture @ [0.299, 0.587, 0.114])
        padded = np.pad(grey, 1, mode="reflect")
        laplacian = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * grey
        assert row["sharpness"] == pytest.approx(laplacian.var(), rel=0.001)
        assert row["background"] == pytest.approx(np.concatenate([grey[:, :10], grey[:, 54:]], 1).std(), rel=0.001)
        assert [row[c] for c in ("red", "green", "blue")] == pytest.approx(picture.mean((0, 1)))
    with pytest.raises(ValueError, match=r"pictures must be \(N, 128, 64, 3\)"):
        realism.statistics(pictures[:, :64])


def test_a_sets_summary_is_over_its_pictures_and_cameras(pictures):
    table = realism.statistics(pictures)
    found = realism.summary(table, np.array([1, 2, 2]))
    assert found["value_sd"] == pytest.approx(table["value"].to_numpy().std())
    assert found["sharpness"] == np.median(table["sharpness"])
    colours = [pictures[0].mean((0, 1)), pictures[1:].mean((0, 1, 2))]
    assert found["cameras"] == pytest.approx(np.std(colours, axis=0).mean())
    grey = np.full((2, 128, 64, 3), 90, np.uint8)
    grey[0, :, :, 0] = 200
    vivid = realism.summary(realism.statistics(grey))
    assert vivid["vivid"] == 0.5  # saturation 0.55, and none
    assert vivid["cameras"] is None


def test_pictures_are_resized_by_area(tmp_path, pictures):
    images.write_rgb(tmp_path / "a.png", pictures[0].repeat(2, 0).repeat(2, 1))
    assert np.array_equal(realism.load(tmp_path, ["a.png"])[0], pictures[0])
    images.write_rgb(tmp_path / "b.png", pictures[0][:, :48])
    expected = cv2.resize(pictures[0][:, :48], (64, 128), interpolation=cv2.INTER_AREA)
    assert np.array_equal(realism.load(tmp_path, ["b.png"])[0], expected)


def test_the_classifier_separates_different_sets_and_not_equal_ones():
    random = np.random.default_rng(1)
    people = np.repeat(np.arange(40), 5), np.repeat(np.arange(20), 5)
    rendered, photographs = random.normal(size=(200, 4)), random.normal(size=(100, 4))
    assert realism.told_apart(rendered, photographs, people, 0)["accuracy"] == pytest.approx(0.5, abs=0.12)
    far = realism.told_apart(rendered, photographs + 3, people, 0)
    assert min(far.values()) > 0.95
    with pytest.raises(ValueError, match="photographs: 4 people are too few"):
        realism.told_apart(rendered, photographs, (people[0], people[1] % 4), 0)


def test_person_specific_features_do_not_help_the_classifier():
    """Each person has a place of their own far out; only who was seen in training would be told."""
    random = np.random.default_rng(2)
    people = np.repeat(np.arange(30), 6)
    kinds = [10 * random.normal(size=(30, 60))[people] + 0.01 * random.normal(size=(180, 60)) for _ in range(2)]
    assert realism.told_apart(*kinds, (people, people), 0)["accuracy"] < 0.7


def test_the_kernel_distance_is_that_of_plain_sums():
    random = np.random.default_rng(3)
    x, y = random.normal(size=(6, 3)), random.normal(size=(5, 3)) + 1

    def k(a, b):
        return (a @ b / 3 + 1) ** 3

    within = [np.mean([k(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j]) for z in (x, y)]
    expected = sum(within) - 2 * np.mean([k(a, b) for a in x for b in y])
    assert realism.kernel_distance(x, y) == pytest.approx(expected)
    same = [realism.kernel_distance(*np.split(random.normal(size=(40, 3)), 2)) for _ in range(50)]
    assert (
        abs(np.mean(same)) < 0.1 < realism.kernel_distance(random.normal(size=(40, 3)), random.normal(size=(40, 3)) + 1)
    )
