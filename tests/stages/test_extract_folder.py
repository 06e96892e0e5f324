"""Stage extract_folder: a user's pictures and table become a set like any other."""

import json

import pytest

from sanreid.data import index
from stages import extract_folder
from tests.stages import toy_san as toy


@pytest.fixture
def folder(tmp_path):
    """A folder as a user keeps it: pictures in folders of their own, a CSV without cameras, a remark."""
    made = toy.write_people(tmp_path / "mine", train=3, test=2)
    table = index.read(made).drop(columns="camid").assign(remark="sunny")
    (made / index.NAME).unlink()
    table.to_csv(made / "index.csv", index=False)
    return made


def test_pictures_table_and_summary(folder, tmp_path):
    out = tmp_path / "interim/mine"
    extract_folder.main(folder, out)
    table = index.read(out)
    assert set(table["remark"]) == {"sunny"}
    assert table["camid"].isna().all()
    for path in table["path"]:
        assert (out / path).read_bytes() == (folder / path).read_bytes()
    assert json.loads((out / "summary.json").read_text()) == {
        "people": 5,
        "images": 20,
        "cameras": 0,
        "splits": {
            "train": {"people": 3, "images": 12},
            "query": {"people": 2, "images": 2},
            "gallery": {"people": 2, "images": 6},
        },
        "distractors": 0,
    }
    assert sorted(p.name for p in out.iterdir()) == ["images", "index.parquet", "summary.json", "truth"]


def test_an_interim_folder_is_such_a_folder_too(folder, tmp_path):
    extract_folder.main(folder, tmp_path / "a")
    extract_folder.main(tmp_path / "a", tmp_path / "b")
    for path in (p for p in (tmp_path / "a").rglob("*") if p.is_file()):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_an_error_leaves_nothing_behind(folder, tmp_path):
    (folder / "images/query/100_0.png").write_bytes(b"")
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(ValueError, match=r"index\.csv: line \d+: .*not a readable picture"):
        extract_folder.main(folder, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == before
