"""Groups of features that lie apart, whatever the order, and the page of them."""

from dataclasses import replace

import numpy as np
import pytest

from sanreid.api import SHIPPED
from sanreid.data import images
from sanreid.evaluation import calibration
from sanreid.search import groups, groups_page
from sanreid.search.index import Index


@pytest.fixture(scope="module")
def clouds():
    """40 features of 5 people who lie apart, with 12, 10, 8, 9 and 1 pictures."""
    generator = np.random.default_rng(3)
    people = generator.permutation(np.repeat(np.arange(5), [12, 10, 8, 9, 1]))
    features = np.eye(8)[people] + generator.normal(0, 0.08, (40, 8))
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32), people


@pytest.mark.parametrize("seed", [0, 1])
def test_people_who_lie_apart_are_found_largest_first(clouds, seed):
    features, people = clouds
    found = groups.group(features, 0.3, seed)
    assert found.count == 5
    assert [len(rows) for rows in found.members()] == [12, 10, 9, 8, 1]
    for rows in found.members():
        assert len(np.unique(people[rows])) == 1
    assert groups.group(features, 2.0).count == 1
    assert groups.group(features, 0.0).count == 40
    with pytest.raises(ValueError, match="from 0 to 2"):
        groups.group(features, 2.5)


def test_the_page_holds_its_pictures_and_bears_a_lost_one(clouds, tmp_path):
    features, _ = clouds
    names = [f"{i:02}<b>.png" for i in range(40)]
    for name in names[1:]:
        images.write_rgb(tmp_path / name, np.full((16, 8, 3), 90, np.uint8))
    text = groups_page.render(groups.group(features, 0.3), Index(tmp_path, names, features, "net", "0"))
    assert "<h1>5 people in 40 pictures</h1>" in text
    assert text.count('src="data:image/jpeg;base64,') == 39
    assert text.count("not there") == 1
    assert "&lt;b&gt;" in text
    assert "<b>" not in text
    assert "http" not in text


def test_people_are_told_apart_as_strictly_as_by_same():
    known = calibration.read(SHIPPED / calibration.FILE)
    assert groups.threshold(known) == 1 - known.thresholds["0.001"].similarity
    few = replace(known, thresholds={**known.thresholds, "0.001": None})
    assert groups.threshold(few) == 1 - known.equal_error_similarity
