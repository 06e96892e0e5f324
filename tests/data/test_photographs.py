"""Folders of photographs: three layouts become one table, and what is none of them is told."""

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sanreid.data import images, index, photographs
from sanreid.training import reid


def drawn(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write_rgb(path, np.random.default_rng(seed).integers(0, 256, (16, 8, 3)).astype(np.uint8))


@pytest.fixture
def pku(tmp_path):
    """Two people, two cameras, three orientations each, in a folder of folders; person 2 lacks an orientation."""
    for i, name in enumerate(f"{p:03}_{c}_{o}" for p in (1, 2) for c in (1, 2) for o in (1, 2, 3)):
        drawn(tmp_path / f"pku/cam{name[4]}/{name}.png", i)
    (tmp_path / "pku/cam2/002_2_1.png").unlink()
    (tmp_path / "pku/cam1/._001_1_1.png").write_bytes(b"macOS")
    (tmp_path / "pku/readme.txt").write_text("x")
    return tmp_path / "pku"


def test_pku_reids_first_orientation_of_each_camera_is_the_query(pku):
    table = photographs.read(pku)
    asks = table[table["split"] == "query"]
    assert asks["path"].tolist() == [
        f"cam{c}/00{p}_{c}_{o}.png" for p, c, o in [(1, 1, 1), (1, 2, 1), (2, 1, 1), (2, 2, 2)]
    ]
    assert len(table) == 11
    assert table["pid"].tolist() == [1] * 6 + [2] * 5
    assert table["camid"].tolist() == [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2]


def test_the_shared_photographs(published):
    folder = published / "pku_reid"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    table = photographs.read(folder)
    counts = table["split"].value_counts()
    assert (table["pid"].nunique(), counts["query"], counts["gallery"]) == (74, 148, 1036)
    named = photographs._pku(folder).set_index("path")  # the names alone say the same
    same = table.set_index("path").loc[named.index]
    assert all((same[c] == named[c]).all() for c in ("pid", "camid", "split", "orientation"))


def test_split_train_of_an_own_folder_is_left_out(pku):
    rows = [
        ("cam1/001_1_1.png", 1, 1, "train"),
        ("cam1/002_1_1.png", 2, 1, "query"),
        ("cam2/002_2_2.png", 2, 2, "gallery"),
    ]
    pd.DataFrame(rows, columns=index.COLUMNS).to_csv(pku / "index.csv", index=False)
    assert photographs.read(pku)["split"].tolist() == ["query", "gallery"]


def test_market_1501s_layout(tmp_path):
    for i, name in enumerate(["bounding_box_train/0001_c1s1_000001_01", "query/0002_c1s1_000001_01"]):
        drawn(tmp_path / f"{name}.jpg", i)
    for i, name in enumerate(["-1_c1s1_000001_01", "0000_c2s1_000001_01", "0002_c2s1_000001_01"]):
        drawn(tmp_path / f"bounding_box_test/{name}.jpg", i)
    table = photographs.read(tmp_path)
    assert table["pid"].tolist() == [2, 0, 2]
    assert table["path"].iloc[0] == "query/0002_c1s1_000001_01.jpg"
    assert table["camid"].tolist() == [1, 2, 2]


def test_folders_of_unknown_layout_are_refused(pku, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such folder; name one with index\.csv"):
        photographs.read(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty: holds no pictures, and neither"):
        photographs.read(tmp_path / "empty")
    shutil.copy(pku / "cam1/001_1_1.png", pku / "holiday.png")
    with pytest.raises(FileNotFoundError, match=r"holiday\.png is not named <person>_<camera>_<orientation>"):
        photographs.read(pku)
    (pku / "holiday.png").unlink()
    (pku / "cam1/001_1_1.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"001_1_1\.png"):
        photographs.read(pku)
    pd.DataFrame([("cam1/001_1_2.png", 1, 1, "train")], columns=index.COLUMNS).to_csv(pku / "index.csv", index=False)
    with pytest.raises(ValueError, match="no picture of split 'query'"):
        photographs.read(pku)


def test_training_on_photographs_is_refused(pku):
    index.write(photographs.read(pku), pku)
    with pytest.raises(ValueError, match=r"pku/index\.parquet: no rows of split 'train': there is nobody to train on"):
        reid.read(pku, (16, 8))


def test_every_picture_of_a_folder_whatever_says_who_it_shows(pku, tmp_path):
    named = photographs.everything(pku)
    assert named["pid"].tolist() == [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2]
    assert named["camid"].tolist() == [1] * 6 + [2] * 5
    drawn(pku / "cam1/holiday.png")
    unknown = photographs.everything(pku)  # one name that says nothing: nobody is known
    assert unknown["pid"].nunique() == len(unknown) == 12
    assert unknown["camid"].isna().all()
    rows = [("cam1/001_1_1.png", 1, 1, "train"), ("cam1/002_1_1.png", 2, 1, "train")]
    pd.DataFrame(rows, columns=index.COLUMNS).to_csv(pku / "index.csv", index=False)
    assert photographs.everything(pku)["pid"].tolist() == [1, 2]
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder, or no pictures"):
        photographs.everything(tmp_path / "nowhere")


def test_nothing_below_a_folder_is_lost_in_silence(pku, tmp_path, monkeypatch):
    """Links to folders elsewhere are followed once, or told; dead links and folders that may not be read are told."""
    drawn(tmp_path / "disk/cam3/003_3_1.png")
    (tmp_path / "disk/round").symlink_to(tmp_path / "disk")
    (pku / "cam3").symlink_to(tmp_path / "disk")
    (pku / "again").symlink_to(tmp_path / "disk")
    (pku / "inside").symlink_to(pku / "cam1")
    (pku / "004_1_1.png").symlink_to(tmp_path / "nowhere.png")
    (pku / "lost+found").mkdir()
    scandir = os.scandir

    def refusing(place):  # whoever runs the tests may be allowed everything
        if Path(place).name == "lost+found":
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", refusing)
    found = photographs.named(pku)
    new = [p for p in found["path"] if not p.startswith(("cam1/", "cam2/"))]
    assert sorted(Path(p).name for p in new) == ["003_3_1.png", "004_1_1.png", "lost+found"]
    assert found["pid"].isna().sum() == 1
    assert len(photographs.named(pku, follow=False)) == len(found) + 1  # `again` and `cam3` instead of the picture
    with pytest.raises(PermissionError, match=r"lost\+found: a folder that may not be read"):
        photographs.read(pku)
