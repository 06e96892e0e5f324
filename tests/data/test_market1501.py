"""The Market-1501 reader against a hand-built release."""

import numpy as np
import pytest
from PIL import Image

from sanreid.data import market1501

NAMES = {
    "bounding_box_train": ["0002_c1s1_000451_03.jpg", "0002_c2s1_000301_01.jpg", "0007_c6s4_002427_05.jpg"],
    "query": ["0001_c1s1_001051_00.jpg"],
    "bounding_box_test": [
        "-1_c1s1_000401_03.jpg",
        "0000_c3s1_000151_01.jpg",
        "0001_c2s1_001151_02.jpg",
        "0001_c3s1_001201_01.jpg.jpg",
    ],
    "gt_bbox": ["0001_c1s1_001051_01.jpg"],
    "gt_query": [],
}


def colour(name):
    return (220, 10 * int(name[1:4].strip("_c") or 0), 30)


@pytest.fixture
def raw(tmp_path):
    for folder, names in NAMES.items():
        path = tmp_path / "Market-1501-v15.09.15" / folder
        path.mkdir(parents=True)
        for name in names:
            Image.new("RGB", (8, 16), colour(name)).save(path / name, quality=95)
        (path / "Thumbs.db").write_bytes(b"thumbnails")
    return tmp_path


EXPECTED = [
    ("images/0002_c1s1_000451_03.jpg", 2, 1, "train"),
    ("images/0002_c2s1_000301_01.jpg", 2, 2, "train"),
    ("images/0007_c6s4_002427_05.jpg", 7, 6, "train"),
    ("images/0001_c1s1_001051_00.jpg", 1, 1, "query"),
    ("images/0000_c3s1_000151_01.jpg", 0, 3, "gallery"),
    ("images/0001_c2s1_001151_02.jpg", 1, 2, "gallery"),
    ("images/0001_c3s1_001201_01.jpg.jpg", 1, 3, "gallery"),
]


def test_people_cameras_and_splits_by_name(raw):
    table, _ = market1501.read(raw)
    assert list(table.itertuples(index=False, name=None)) == EXPECTED


def test_the_release_itself_may_be_given(raw):
    table, _ = market1501.read(raw / "Market-1501-v15.09.15")
    assert len(table) == len(EXPECTED)


def test_junk_is_dropped_and_distractors_match_nobody(raw):
    table, _ = market1501.read(raw)
    assert -1 not in set(table["pid"])
    assert list(table.loc[table["pid"] == 0, "split"]) == ["gallery"]


def test_pictures_are_rgb_and_in_the_tables_order(raw):
    table, pictures = market1501.read(raw)
    seen = list(pictures)
    assert [name for name, _ in seen] == list(table["path"])
    for name, image in seen:
        assert image.shape == (16, 8, 3)
        assert np.abs(image.astype(int) - colour(name.removeprefix("images/"))).max() < 12


@pytest.mark.parametrize(
    "name",
    [
        "0002_c1_000451_03.jpg",
        "2_c1s1_000451_03.jpg",
        "0002_c0s1_000451_03.jpg",
        "0002_c1s1_000451_03.png",
        "0002_c1s1_000451_03 copy.jpg",
        "x0002_c1s1_000451_03.jpg",
    ],
)
def test_a_wrong_file_name_is_named(raw, name):
    (raw / "Market-1501-v15.09.15/query" / name).write_bytes(b"")
    with pytest.raises(ValueError, match=f"query/{name}: the name is not like"):
        market1501.read(raw)


def test_train_and_query_pictures_cannot_overwrite_each_other(raw):
    release = raw / "Market-1501-v15.09.15"
    name = NAMES["bounding_box_train"][0]
    (release / "query" / name).write_bytes((release / "bounding_box_train" / name).read_bytes())
    with pytest.raises(ValueError, match=f"query/{name}: has the name of .*bounding_box_train/{name}"):
        market1501.read(raw)


def test_a_distractor_in_train_is_named(raw):
    (raw / "Market-1501-v15.09.15/bounding_box_train/0000_c1s1_000451_03.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"0000_c1s1_000451_03\.jpg: a distractor"):
        market1501.read(raw)


def test_absent_folders_are_named(raw, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no bounding_box_train/ here or in Market-1501"):
        market1501.read(tmp_path / "elsewhere")
    for path in (raw / "Market-1501-v15.09.15/query").iterdir():
        path.unlink()
    (raw / "Market-1501-v15.09.15/query").rmdir()
    with pytest.raises(FileNotFoundError, match="query: no such folder"):
        market1501.read(raw)


def test_truth_goes_by_pid_and_stem(raw):
    table, _ = market1501.read(raw)
    assert [name for name, _ in market1501.files(raw, table)] == [row[0] for row in EXPECTED]
    for name in ("textures/0002", "textures/0099", "visibility/0007_c6s4_002427_05", "visibility/-1_c1s1_000401_03"):
        path = raw / "truth" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (raw / "truth/coverage.png").write_bytes(b"x")
    for given in (raw, raw / "Market-1501-v15.09.15"):
        extra = [name for name, _ in market1501.files(given, table)][len(EXPECTED) :]
        assert extra == [
            "truth/textures/2.png",
            "truth/visibility/0007_c6s4_002427_05.png",
            "truth/coverage.png",
        ]


def test_sets_in_this_layout_have_more_people_cameras_and_frames(raw):
    names = (
        "00012_c15s1_000451_03.jpg",
        "0012_c7s12_0004510_103.jpg",
        "00000_c2s1_000151_01.jpg",
        "-1_c9s1_000001_01.jpg",
    )
    for name in names:
        Image.new("RGB", (8, 16)).save(raw / "Market-1501-v15.09.15/bounding_box_test" / name)
    table, _ = market1501.read(raw)
    found = table.set_index("path")
    assert found.loc[f"images/{names[0]}", ["pid", "camid"]].tolist() == [12, 15]
    assert found.loc[f"images/{names[1]}", ["pid", "camid"]].tolist() == [12, 7]
    assert found.loc[f"images/{names[2]}", ["pid", "camid"]].tolist() == [0, 2]
    assert f"images/{names[3]}" not in found.index


@pytest.mark.parametrize("folder", ["bounding_box_train", "query", "bounding_box_test"])
@pytest.mark.parametrize("left", ["nothing", "junk", "macOS's own"])
def test_a_folder_without_people_is_refused(raw, folder, left):
    place = raw / "Market-1501-v15.09.15" / folder
    for path in place.iterdir():
        path.unlink()
    if left == "junk":
        Image.new("RGB", (8, 16)).save(place / "-1_c1s1_000401_03.jpg")
    elif left == "macOS's own":
        (place / "._0002_c1s1_000451_03.jpg").write_bytes(b"resource fork")
    with pytest.raises(ValueError, match=f"{folder}: holds no pictures of people; put the publisher's files there"):
        market1501.read(raw)
