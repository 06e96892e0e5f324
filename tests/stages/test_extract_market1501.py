"""Stage extract_market1501 on a hand-built release."""

import json

import pytest
from PIL import Image

from sanreid.data import images, index
from sanreid.params import validate
from stages import extract_market1501
from tests.data import broken_pictures as made


def params(broken="error"):
    return validate({"broken_pictures": broken}, extract_market1501.Params, "p")


@pytest.fixture
def raw(tmp_path):
    release = tmp_path / "raw" / "Market-1501-v15.09.15"
    for folder, names in {
        "bounding_box_train": ["0002_c1s1_000451_03.jpg", "0010_c4s6_015641_03.jpg"],
        "query": ["0001_c1s1_001051_00.jpg"],
        "bounding_box_test": ["-1_c1s1_000401_03.jpg", "0000_c3s1_000151_01.jpg", "0001_c2s1_001151_02.jpg"],
    }.items():
        (release / folder).mkdir(parents=True)
        for i, name in enumerate(names):
            Image.new("RGB", (8, 16), (200, 40 * i, 9)).save(release / folder / name)
    return tmp_path / "raw"


def test_the_publishers_bytes_a_table_and_a_summary(raw, tmp_path):
    out = tmp_path / "interim"
    extract_market1501.main(raw, out, params())
    table = index.read(out)
    assert list(table["pid"]) == [2, 10, 1, 0, 1]
    release = raw / "Market-1501-v15.09.15"
    name = "0010_c4s6_015641_03.jpg"
    assert (out / "images" / name).read_bytes() == (release / "bounding_box_train" / name).read_bytes()
    assert not (out / "images" / "-1_c1s1_000401_03.jpg").exists()
    assert json.loads((out / "summary.json").read_text()) == {
        "people": 3,
        "images": 5,
        "cameras": 4,
        "splits": {
            "train": {"people": 2, "images": 2},
            "query": {"people": 1, "images": 1},
            "gallery": {"people": 1, "images": 2},
        },
        "distractors": 1,
    }
    assert (out / "truth").is_dir()


def test_the_download_stays_untouched(raw, tmp_path):
    before = {p: p.stat().st_nlink for p in raw.rglob("*.jpg")}
    extract_market1501.main(raw, tmp_path / "interim", params())
    assert {p: p.stat().st_nlink for p in raw.rglob("*.jpg")} == before


def test_a_query_of_a_distractor_is_refused_and_nothing_is_written(raw, tmp_path):
    (raw / "Market-1501-v15.09.15/bounding_box_test/0001_c2s1_001151_02.jpg").unlink()
    with pytest.raises(ValueError, match=r"0001_c1s1_001051_00\.jpg .*not in the gallery"):
        extract_market1501.main(raw, tmp_path / "interim", params())
    assert [p.name for p in tmp_path.iterdir()] == ["raw"]


@pytest.mark.parametrize("name", made.everything())
def test_each_broken_picture_is_refused_by_name_or_left_out(raw, tmp_path, name):
    path = raw / "Market-1501-v15.09.15/bounding_box_train/0010_c4s6_015641_03.jpg"
    path.write_bytes(made.everything()[name])
    with pytest.raises(ValueError, match=r"bounding_box_train/0010_c4s6_015641_03\.jpg: "):
        extract_market1501.main(raw, tmp_path / "out", params())
    assert not (tmp_path / "out").exists()
    extract_market1501.main(raw, tmp_path / "out", params("leave_out"))
    assert list(index.read(tmp_path / "out")["pid"]) == [2, 1, 0, 1]
    assert sorted(p.name for p in images.files(tmp_path / "out/images"))[-1] != path.name
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert (summary["images"], summary["left_out"]) == (4, 1)


@pytest.mark.parametrize("place", ["Market-1501-v15.09.15/query/0001_c1s1_001051_00.jpg", "truth/textures/0001.png"])
def test_a_link_out_is_refused(raw, tmp_path, place):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(made.encoded())
    (raw / place).parent.mkdir(parents=True, exist_ok=True)
    (raw / place).unlink(missing_ok=True)
    (raw / place).symlink_to(elsewhere)
    for given in (raw, raw / "Market-1501-v15.09.15"):
        with pytest.raises(ValueError, match=rf"{place}: a link out of"):
            extract_market1501.main(given, tmp_path / "out", params("leave_out"))


def test_a_truth_beside_the_release_is_taken_where_the_release_is_given(raw, tmp_path):
    (raw / "truth/textures").mkdir(parents=True)
    (raw / "truth/textures/0001.png").write_bytes(made.encoded("PNG"))
    extract_market1501.main(raw / "Market-1501-v15.09.15", tmp_path / "out", params())
    assert (tmp_path / "out/truth/textures/1.png").is_file()


def test_one_camera_everywhere_is_refused(raw, tmp_path):
    release = raw / "Market-1501-v15.09.15"
    for path in [*release.glob("*/*.jpg")]:
        path.rename(path.with_name(path.name.replace("c2s", "c1s").replace("c3s", "c1s").replace("c4s", "c1s")))
    with pytest.raises(ValueError, match=r"raw: no query's person is in the gallery under another camera"):
        extract_market1501.main(raw, tmp_path / "out", params())
