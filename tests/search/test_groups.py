"""Groups of features that lie apart, whatever the order, and the page of them."""

from dataclasses import replace

import numpy as np
import pytest

from sanreid.api import SHIPPED
from sanreid.data import images
from sanreid.evaluation import calibration
from sanreid.evaluation.open_world import clustering_metrics
from sanreid.search import groups, groups_page
from sanreid.search.index import Index


@pytest.fixture(scope="module")
def clouds():
    """40 features of 5 people who lie apart, with 12, 10, 8, 9 and 1 pictures."""
    generator = np.random.default_rng(3)
    people = generator.permutation(np.repeat(np.arange(5), [12, 10, 8, 9, 1]))
    features = np.eye(8)[people] + generator.normal(0, 0.08, (40, 8))
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32), people


@pytest.fixture(scope="module")
def known():
    return calibration.read(SHIPPED / calibration.FILE)


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


def test_people_are_told_apart_as_strictly_as_by_same(known):
    assert groups.threshold(known) == 1 - known.thresholds["0.001"].similarity
    few = replace(known, thresholds={**known.thresholds, "0.001": None})
    assert groups.threshold(few) == 1 - known.equal_error_similarity


def test_by_neighbours_cameras_and_people_seen_once_do_not_mislead(known):
    """Colour of a camera outweighs the person: by distance alone cameras fall apart, by neighbours people are found."""
    random = np.random.default_rng(5)
    pids = np.r_[np.repeat(np.arange(8), 12), np.arange(8, 14)]
    camids = random.integers(1, 4, len(pids))
    places = np.eye(20)[pids] + 0.08 * random.normal(size=(len(pids), 20))
    places[:, 14:17] += 1.5 * np.eye(3)[camids - 1]
    features = (places / np.linalg.norm(places, axis=1, keepdims=True)).astype(np.float32)
    found = groups.people(features, known, camids)
    assert found.rule == groups.NEIGHBOURS
    assert found.threshold == 1 - known.thresholds["0.01"].similarity
    assert clustering_metrics.measure(pids, found.labels).adjusted_rand > 0.9
    assert all(len(found.members()[found.labels[row]]) == 1 for row in np.flatnonzero(pids >= 8))
    by_distance = groups.group(features, groups.threshold(known))
    assert clustering_metrics.measure(pids, by_distance.labels).adjusted_rand < 0.5
    few = groups.people(features[:19], known, camids[:19])
    assert (few.rule, few.threshold) == (groups.DISTANCE, groups.threshold(known))


def test_a_camera_of_one_person_does_not_take_the_person_off():
    features = np.eye(4, dtype=np.float32)[[0, 0, 1, 2, 3, 1]]
    alone = groups.centred(features, np.array([1, 1, 1, 1, 1, 2]))
    assert np.isfinite(alone).all()
    assert alone[5] @ alone[2] > 0.5
