"""A folder becomes a gallery: what is read, what is left out, what is kept and what is read again."""

import os

import numpy as np
import pyarrow.parquet as pq
import pytest

from app.galleries import NOBODY, build
from sanreid.data import images
from sanreid.search.listing import searched as listed
from tests.app.conftest import person, photos


class Counting:
    """The real network, and the names that it was asked for."""

    def __init__(self, model):
        self.model, self.asked = model, []

    def embed(self, paths):
        found = self.model.embed(paths)
        self.asked += [path.name for path in paths]
        return found


@pytest.fixture
def counting(model) -> Counting:
    return Counting(model)


def test_a_table_says_who_asks_and_who_is_seen(tmp_path):
    table = listed(photos(tmp_path / "a"))
    assert table["pid"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    assert table["asks"].tolist() == [True, False] * 4


def test_names_tell_people_only_where_all_do(tmp_path):
    folder = photos(tmp_path / "a", table=False)
    assert listed(folder)[["pid", "camid"]].to_numpy().tolist() == [[p, c] for p in range(1, 5) for c in (1, 2)]
    images.write_rgb(folder / "deeper.png", person(9, 1))
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_bytes(b"")
    bare = listed(folder)
    assert len(bare) == 9
    assert bare["pid"].isna().all()
    assert not bare["asks"].any()


def test_training_people_are_not_searched(tmp_path):
    folder = photos(tmp_path / "a")
    file = folder / "index.csv"
    file.write_text(file.read_text().replace("4,1,query", "4,1,train").replace("4,2,gallery", "4,2,train"))
    assert listed(folder)["pid"].max() == 3


def test_features_are_the_networks_and_only_what_changed_is_read_again(tmp_path, counting):
    folder, kept = photos(tmp_path / "a", table=False), tmp_path / "kept" / "features.parquet"
    told = []
    first = build(counting, folder, kept, lambda *done: told.append(done))
    assert (told[0], told[-1]) == ((0, 8), (8, 8))
    np.testing.assert_allclose(first.features, counting.model.embed([first.path(row) for row in range(8)]), atol=1e-6)
    counting.asked.clear()
    again = build(counting, folder, kept)
    assert counting.asked == []
    np.testing.assert_array_equal(again.features, first.features)
    assert again.version == first.version

    images.write_rgb(folder / "2_1_1.png", person(7, 1))
    os.utime(folder / "2_1_1.png", ns=(1, 1))
    (folder / "3_1_1.png").unlink()
    images.write_rgb(folder / "5_1_1.png", person(5, 1))
    changed = build(counting, folder, kept)
    assert sorted(counting.asked) == ["2_1_1.png", "5_1_1.png"]
    assert changed.names == [
        "1_1_1.png",
        "1_2_1.png",
        "2_1_1.png",
        "2_2_1.png",
        "3_2_1.png",
        "4_1_1.png",
        "4_2_1.png",
        "5_1_1.png",
    ]
    assert changed.version != first.version
    assert pq.read_table(kept)["path"].to_pylist() == changed.names


def test_broken_pictures_are_named_and_left_out(tmp_path, model):
    folder, kept = photos(tmp_path / "a", table=False), tmp_path / "kept" / "features.parquet"
    (folder / "cut.png").write_bytes((folder / "1_1_1.png").read_bytes()[:400])
    (folder / "text.jpg").write_text("no picture")
    (folder / "odd\udcff.jpg").write_bytes((folder / "1_1_1.png").read_bytes())
    images.write_rgb(folder / "tiny.png", np.zeros((4, 4, 3), np.uint8))
    (folder / "out.png").symlink_to(tmp_path / "elsewhere.png")
    images.write_rgb(tmp_path / "elsewhere.png", person(1, 1))
    gallery = build(model, folder, kept)
    assert len(gallery.names) == 8
    assert {name: why.split(";")[0] for name, why in gallery.broken.items()} == {
        "cut.png": "not a readable picture (cut off)",
        "text.jpg": "not a readable picture",
        "odd\\udcff.jpg": "its name is no UTF-8",
        "tiny.png": "4 x 4 pixels are too few to show a person",
        "out.png": "a link out of the folder",
    }
    assert (gallery.pids == NOBODY).all()
    for name in gallery.names:
        (folder / name).unlink()
    with pytest.raises(ValueError, match=r"a: none of its 5 pictures can be used; the first, cut.png: not a readable"):
        build(model, folder, kept)


def test_a_large_picture_is_shrunk_and_found_as_itself(tmp_path, model):
    folder = photos(tmp_path / "a", table=False)
    images.write_rgb(folder / "2_3_1.jpg", np.kron(person(2, 1, height=64), np.ones((40, 40, 1), np.uint8)))
    gallery = build(model, folder, tmp_path / "features.parquet")
    alike = gallery.features @ gallery.features[gallery.names.index("2_3_1.jpg")]
    assert gallery.names[int(np.argsort(-alike)[1])] == "2_1_1.png"
    assert np.sort(alike)[-2] > 0.999


def test_an_empty_folder_and_a_damaged_index_are_told_or_mended(tmp_path, counting):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty: no pictures in it"):
        build(counting, tmp_path / "empty", tmp_path / "kept.parquet")
    kept = tmp_path / "features.parquet"
    kept.write_bytes(b"PAR1 and no more")
    assert len(build(counting, photos(tmp_path / "a"), kept).names) == len(counting.asked) == 8
    assert pq.read_metadata(kept).num_rows == 8


def test_what_was_read_before_a_stop_is_kept(tmp_path, counting, monkeypatch):
    monkeypatch.setattr("app.galleries.BATCH", 3)
    folder, kept = photos(tmp_path / "a"), tmp_path / "features.parquet"

    def stop(done: int, _: int) -> None:
        if done == 6:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        build(counting, folder, kept, stop)
    assert pq.read_metadata(kept).num_rows == 6
    counting.asked.clear()
    build(counting, folder, kept)
    assert len(counting.asked) == 2


def test_a_folder_is_searched_where_nothing_can_be_kept(tmp_path, model):
    """A full disk or missing permission costs the file, not the reading."""
    (tmp_path / "file").touch()
    gallery = build(model, photos(tmp_path / "a"), tmp_path / "file/features.parquet")
    assert len(gallery.names) == 8
    assert "file" in gallery.unkept
    assert "; " in gallery.unkept
    assert build(model, tmp_path / "a", tmp_path / "kept/features.parquet").unkept == ""
