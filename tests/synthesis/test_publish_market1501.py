"""Market-1501's folders and attributes, read back by plain regular expressions, OpenCV and scipy."""

import csv
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import loadmat

from sanreid.params import ParamsError, load, validate
from sanreid.synthesis import publish_market1501 as market
from sanreid.synthesis import scene
from sanreid.synthesis.look import OFF, Look

NAME = re.compile(r"(-1|\d{4})_c(\d)s(\d)_(\d{6})_(\d\d)\.jpg")
VALUES = {
    "train_people": 4,
    "test_people": 3,
    "cameras": 4,
    "cameras_a_person": [2, 4],
    "frames_a_camera": [1, 3],
    "distractors": 5,
    "passer_by_share": 0.5,
    "junk": 4,
    "tight": 0.01,
    "jitter": 0.05,
    "cut_share": 0.1,
    "look_alike_share": 0.3,
}
HEADER = (
    "id,age,backpack,bag,handbag,clothes,down,up,hair,hat,gender,upblack,upwhite,upred,uppurple,upyellow,upgray,"
    "upblue,upgreen,downblack,downwhite,downpink,downpurple,downyellow,downgray,downblue,downgreen,downbrown"
)


def publish(folder: Path, processes: int = 1, look: Look = OFF, **changes) -> Path:
    folder.mkdir()
    scene.reid_cameras.cache_clear()
    p = validate(VALUES | changes, market.Market1501, "market1501")
    market.publish(folder, p, seed=4, processes=processes, backgrounds=None, look=look)
    scene.reid_cameras.cache_clear()
    return folder


@pytest.fixture
def fake(tmp_path, fake_renderer) -> Path:
    return publish(tmp_path / "market1501")


def listing(folder: Path, name: str) -> list[tuple[int, int, int, int, int]]:
    """(pid, camera, sequence, frame, box) of each picture, from its name."""
    files = sorted((folder / "Market-1501-v15.09.15" / name).glob("*.jpg"))
    matches = [NAME.fullmatch(f.name) for f in files]
    assert all(matches), files
    return [tuple(int(g) for g in m.groups()) for m in matches if m]


def indices(folder: Path) -> dict[int, int]:
    """The renderer's index by pid: train people in order, then test people."""
    parts = [listing(folder, n) for n in ("bounding_box_train", "bounding_box_test")]
    return {pid: i for i, pid in enumerate(p for part in parts for p in sorted({s[0] for s in part if s[0] > 0}))}


def image(folder: Path, name: str, shot: tuple[int, int, int, int, int]) -> np.ndarray:
    pid, *rest = shot
    file = f"{pid if pid < 0 else f'{pid:04d}'}_c{rest[0]}s{rest[1]}_{rest[2]:06d}_{rest[3]:02d}.jpg"
    return cv2.imread(str(folder / "Market-1501-v15.09.15" / name / file))[:, :, ::-1]


def test_people_are_disjoint_with_gaps_and_strays_are_in_the_gallery_alone(fake):
    train, test, query = (listing(fake, n) for n in ("bounding_box_train", "bounding_box_test", "query"))
    train_pids, test_pids = {s[0] for s in train}, {s[0] for s in test if s[0] > 0}
    assert (len(train_pids), len(test_pids)) == (4, 3)
    assert not train_pids & test_pids
    assert max(train_pids | test_pids) <= 1501
    assert np.diff(sorted(train_pids)).max() > 1
    assert sum(s[0] == 0 for s in test) == 5
    assert sum(s[0] == -1 for s in test) == 4
    assert {s[0] for s in query} == test_pids


def test_one_query_a_test_person_and_camera(fake):
    test, query = listing(fake, "bounding_box_test"), listing(fake, "query")
    seen = {s[:2] for s in test if s[0] > 0}
    assert sorted(s[:2] for s in query) == sorted(seen)
    assert {s[4] for s in query} == {0}, "a hand-drawn box has number 00"
    assert {s[4] for s in test} <= {1, 2, 3, 4, 5}
    for pid in {s[0] for s in query}:
        assert 2 <= len({s[1] for s in query if s[0] == pid}) <= 4


def test_hand_drawn_boxes_stand_beside_every_detected_one(fake):
    drawn = listing(fake, "gt_bbox")
    found = [s for n in ("bounding_box_train", "bounding_box_test") for s in listing(fake, n) if s[0] > 0]
    assert sorted(s[:4] for s in drawn) == sorted(s[:4] for s in found)
    assert {s[4] for s in drawn} == {0}
    assert set(listing(fake, "query")) <= set(drawn)
    assert all(1 <= s[2] <= 6 for s in found)
    most = max(sum(s[:2] == key for s in found) for key in {s[:2] for s in found})
    assert 1 < most <= 3


@pytest.mark.parametrize("name", ["bounding_box_train", "bounding_box_test", "query", "gt_bbox"])
def test_each_picture_shows_its_person_and_camera_in_rgb(fake, name):
    index = indices(fake)
    for shot in listing(fake, name):
        picture = image(fake, name, shot)
        assert picture.shape == (128, 64, 3)
        mean = picture.reshape(-1, 3).mean(0)
        assert abs(mean[1] - shot[1] * 20) < 4
        assert mean[2] > 250
        if shot[0] > 0:
            assert abs(mean[0] - index[shot[0]] * 10) < 4


def test_attributes_are_those_of_the_rendered_people_in_the_real_files_structure(fake, published):
    ours, real = (loadmat(f / "market_attribute.mat") for f in (fake / "attribute", published))
    assert ours["market_attribute"].dtype == real["market_attribute"].dtype
    assert ours["market_attribute"].shape == real["market_attribute"].shape
    for split, folder in (("train", "bounding_box_train"), ("test", "bounding_box_test")):
        a, b = ours["market_attribute"][split][0, 0], real["market_attribute"][split][0, 0]
        assert a.dtype.names == b.dtype.names
        assert a.shape == b.shape == (1, 1)
        pids = sorted({s[0] for s in listing(fake, folder) if s[0] > 0})
        for name in a.dtype.names:
            assert a[name][0, 0].dtype == b[name][0, 0].dtype
            assert a[name][0, 0].shape == (1, len(pids))
        index = a["image_index"][0, 0]
        assert index[0, 0].dtype == b["image_index"][0, 0][0, 0].dtype
        assert [cell.item() for cell in index[0]] == [f"{pid:04d}" for pid in pids]
        for place, name in enumerate(market.TEST_FIELDS):
            assert a[name][0, 0].ravel().tolist() == [1 + (indices(fake)[pid] + place) % 2 for pid in pids]


def test_csv_holds_the_training_people(fake):
    with (fake / "attribute" / "annotations_train.csv").open() as file:
        assert file.readline().strip() == HEADER
        rows = list(csv.DictReader(file, fieldnames=HEADER.split(",")))
    assert [int(r["id"]) for r in rows] == sorted({s[0] for s in listing(fake, "bounding_box_train")})
    for row in rows:
        for place, name in enumerate(HEADER.split(",")[1:]):
            assert int(row[name]) == 1 + (indices(fake)[int(row["id"])] + place) % 2


def test_truth_of_every_person_and_of_every_picture_that_is_read(fake):
    shots = {n: listing(fake, n) for n in ("bounding_box_train", "bounding_box_test", "query")}
    pids = {s[0] for part in shots.values() for s in part if s[0] > 0}
    assert sorted(int(p.stem) for p in (fake / "truth" / "textures").iterdir()) == sorted(pids)
    stems = {p.stem for p in (fake / "truth" / "visibility").iterdir()}
    want = {f"{s[0]:04d}_c{s[1]}s{s[2]}_{s[3]:06d}_{s[4]:02d}" for part in shots.values() for s in part if s[0] > 0}
    assert stems == want
    pid = min(pids)
    texture = cv2.imread(str(fake / "truth" / "textures" / f"{pid:04d}.png"))[:, :, ::-1]
    assert texture[0, 0].tolist() == [indices(fake)[pid] * 10, len("market1501"), 255]


def test_ground_truth_of_a_query_counts_in_the_sorted_gallery(fake):
    release = fake / "Market-1501-v15.09.15"
    gallery = sorted(p.name for p in (release / "bounding_box_test").iterdir())
    for query in (release / "query").iterdir():
        pid, camera = query.name[:4], query.name[5:7]
        good = loadmat(release / "gt_query" / f"{query.stem}_good.mat")["good_index"].ravel()
        junk = loadmat(release / "gt_query" / f"{query.stem}_junk.mat")["junk_index"].ravel()
        shown = [gallery[i - 1] for i in good]
        assert shown == [n for n in gallery if n.startswith(pid) and f"_{camera}s" not in n]
        hidden = [gallery[i - 1] for i in junk]
        assert hidden == [n for n in gallery if n.startswith("-1") or (n.startswith(pid) and f"_{camera}s" in n)]


@pytest.mark.slow
def test_same_bytes_from_one_process_and_from_two(tmp_path):
    small = {"train_people": 1, "test_people": 1, "distractors": 2, "junk": 2, "frames_a_camera": [1, 1]}
    small |= {"cameras": 2, "cameras_a_person": [2, 2]}
    look = load(Path(__file__).resolve().parents[2] / "profiles/look/photographs.yaml", "synthesize.look", Look)
    one, two = publish(tmp_path / "one", 1, look, **small), publish(tmp_path / "two", 2, look, **small)
    files = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(two) for p in two.rglob("*") if p.is_file())
    for file in files:
        assert (one / file).read_bytes() == (two / file).read_bytes(), file


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"cameras_a_person": [1, 3]}, "cameras_a_person"),
        ({"cameras_a_person": [2, 5]}, "cameras_a_person"),
        ({"frames_a_camera": [3, 1]}, "frames_a_camera"),
        ({"train_people": 1500}, "train_people"),
        ({"passer_by_share": 2}, "passer_by_share"),
    ],
)
def test_what_does_not_fit_names_its_key(changes, key):
    with pytest.raises(ParamsError, match=key):
        validate(VALUES | changes, market.Market1501, "market1501")
