"""Pictures that are broken are named, and the others are used, whoever reads them."""

import dataclasses

import numpy as np
import pytest

from sanreid.data import images
from sanreid.search import index, listing, reading


class Mean:
    """The mean colour of a picture, as a feature."""

    name = "mean"

    def embed(self, paths, batch=64, progress=None):
        return np.array([images.read_rgb(path).mean((0, 1)) for path in paths], np.float32)

    def digest(self):
        return "0123"


@pytest.fixture
def folder(tmp_path):
    for i, name in enumerate(("a.png", "b.png", "d.png")):
        images.write_rgb(tmp_path / name, np.full((4, 4, 3), 10 * i + 10, np.uint8))
    (tmp_path / "c.png").write_text("no picture")
    return tmp_path


def test_one_broken_picture_costs_itself_alone(folder):
    broken = "not a readable picture; replace it"
    found = list(reading.each(Mean().embed, sorted(folder.iterdir())))
    assert [f if isinstance(f, str) else float(f[0]) for f in found] == [10, 20, broken, 30]
    told = []
    made = index.of_table(Mean(), folder, listing.pictures(folder), 2, told.append, broken="leave_out")
    assert (made.paths, told) == (["a.png", "b.png", "d.png"], [2, 2])
    assert made.features[:, 0].tolist() == [10, 20, 30]
    assert made.broken == {"c.png": broken}


def test_a_folder_of_broken_pictures_is_told(folder):
    table = listing.pictures(folder)
    with pytest.raises(ValueError, match=r"none of its 1 pictures can be used; the first, c.png: not a readable"):
        index.of_table(Mean(), folder, table[table["path"] == "c.png"], broken="leave_out")


def test_a_name_that_is_no_utf8_is_searched_and_kept_in_npz_alone(folder):
    odd = "\udcff.png"
    (folder / "a.png").rename(folder / odd)
    (folder / "c.png").unlink()
    made = index.of_table(Mean(), folder, listing.pictures(folder))
    assert odd in made.paths
    lengths = np.linalg.norm(made.features, axis=1, keepdims=True)
    made = dataclasses.replace(made, features=made.features / lengths)  # as a network gives them
    index.write(made, folder / "f.npz")
    assert index.read(folder / "f.npz").paths == made.paths
    with pytest.raises(ValueError, match=r"its name is no UTF-8, which .parquet wants; rename it, or write .npz"):
        index.write(made, folder / "f.parquet")
    assert not (folder / "f.parquet").exists()
