"""`sanreid embed`: a folder, pictures, globs and standard input to .parquet and .npz."""

import io
import sys

import numpy as np
import pandas as pd
import pytest

from sanreid.api import Model
from sanreid.search import index
from tests.cli import networks
from tests.stages import toy_san as toy


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("embed")
    networks.write_strong(folder / "model")
    toy.write_people(folder / "people", train=0, test=2, each=3)
    return folder


def test_a_folder_becomes_a_table(place, monkeypatch, capfd):
    out = place / "features.parquet"
    code, shown, told = networks.run(monkeypatch, capfd, "embed", place / "people", "-o", out, "-m", place / "model")
    assert (code, shown) == (0, "")
    assert "6 pictures" in told
    table = pd.read_parquet(out)
    assert list(table.columns) == ["path", "feature", "pid", "camid"]
    want = Model.load(place / "model").embed([place / "people" / path for path in table["path"]])
    np.testing.assert_allclose(np.stack(table["feature"]), want, atol=1e-6)


def test_paths_globs_and_standard_input_give_the_same(place, monkeypatch, capfd):
    pattern = str(place / "people/**/*.png")
    paths = sorted((place / "people").rglob("*.png"))
    first, second = place / "a.npz", place / "b.npz"
    assert networks.run(monkeypatch, capfd, "embed", pattern, "-o", first, "-m", place / "model")[0] == 0
    lines = io.TextIOWrapper(io.BytesIO("\n".join(map(str, paths)).encode()))
    monkeypatch.setattr(sys, "stdin", lines)
    assert networks.run(monkeypatch, capfd, "embed", "-", "-o", second, "-m", place / "model")[0] == 0
    a, b = index.read(first), index.read(second)
    assert a.paths == b.paths == [str(p) for p in paths]
    np.testing.assert_array_equal(a.features, b.features)
    assert a.pids is None


def test_what_is_wrong_is_one_line_or_status_2(place, monkeypatch, capfd, tmp_path):
    model = ("-m", place / "model")
    assert networks.run(monkeypatch, capfd, "embed", place / "people", "-o", "features.txt", *model)[0] == 2
    assert networks.run(monkeypatch, capfd, "embed")[0] == 2
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    for given in (tmp_path / "gone.jpg", tmp_path / "*.tif", tmp_path / "broken.jpg", tmp_path / "none"):
        code, shown, told = networks.run(monkeypatch, capfd, "embed", given, "-o", tmp_path / "f.npz", *model)
        assert (code, shown) == (1, "")
        assert told.startswith("sanreid: ")
        assert given.name in told
        assert told.count("\n") == 1
    assert not (tmp_path / "f.npz").exists()


def test_several_folders_lose_no_more_than_their_broken_pictures(place, monkeypatch, capfd, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more/broken.jpg").write_bytes(b"\xff\xd8\xff")
    file = tmp_path / "f.npz"
    folders = (place / "people/images/query", tmp_path / "more")
    code, _, told = networks.run(monkeypatch, capfd, "embed", *folders, "-o", file, "-m", place / "model")
    assert code == 0
    assert "1 of " in told
    assert "broken.jpg: not a readable picture" in told
    assert len(index.read(file)) == len(list(folders[0].iterdir()))
