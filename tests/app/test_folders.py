"""Only what was named at the start can be read."""

from pathlib import Path

import pandas as pd
import pytest

from app.folders import Folders
from sanreid.data import index


@pytest.fixture
def base(tmp_path) -> Path:
    for place in ("data/interim/one", "data/interim/deep/two", "data/interim/.hidden", "elsewhere"):
        (tmp_path / place).mkdir(parents=True)
    for place in ("data/interim/one", "data/interim/deep/two", "data/interim/.hidden"):
        (tmp_path / place / index.NAME).touch()
    (tmp_path / "data/textures/one").mkdir(parents=True)
    pd.DataFrame({"path": ["a.jpg"], "texture": ["a.png"]}).to_parquet(tmp_path / "data/textures/one" / index.NAME)
    (tmp_path / "data/interim/way_out").symlink_to(tmp_path / "elsewhere")
    return tmp_path


def test_sets_with_a_table_are_offered_by_default(base):
    folders = Folders(base=base)
    assert sorted(map(folders.name, folders.shown.values())) == ["interim/deep/two", "interim/one"]


def test_named_folders_are_offered_whatever_they_hold(base):
    folders = Folders([base / "elsewhere", base / "data/interim"])
    assert sorted(map(folders.name, folders.shown.values())) == [
        "elsewhere", "interim", "interim/deep/two", "interim/one",
    ]  # fmt: skip
    with pytest.raises(FileNotFoundError, match="gone: no such folder"):
        Folders([base / "gone"])


@pytest.mark.parametrize("text", ["deep", "./deep", "one/../deep", "{base}/data/interim/deep"])
def test_a_folder_below_a_root_can_be_typed(base, text):
    folders = Folders(base=base)
    assert folders.place(folders.open(text.format(base=base))) == (base / "data/interim/deep").resolve()


@pytest.mark.parametrize(
    "text", ["..", "../..", "/", "/etc", "{base}/elsewhere", "way_out", "one/../../../elsewhere", "~"]
)
def test_no_other_folder_can(base, text):
    folders = Folders(base=base)
    before = dict(folders.shown)
    with pytest.raises(
        (PermissionError, FileNotFoundError), match=r"not in a folder named at the start|no such folder"
    ):
        folders.open(text.format(base=base))
    assert folders.shown == before


@pytest.mark.parametrize("text", ["", " ", "a\0b", ".hidden", "gone", f"one/{index.NAME}", "x" * 5000])
def test_nor_what_is_no_folder(base, text):
    with pytest.raises(OSError, match="folder"):
        Folders(base=base).open(text)
