"""`sanreid search`: a table, JSON, a page, folders and files as gallery, standard input, and what is wrong."""

import io
import json
import os
import shutil
import sys

import numpy as np
import pytest

from sanreid.api import Model
from tests.cli import networks
from tests.stages import toy_san as toy


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two networks, six pictures of two people in two cameras, and their features."""
    folder = tmp_path_factory.mktemp("search")
    networks.write_strong(folder / "model")
    networks.write_strong(folder / "other", seed=5)
    toy.write_people(folder / "people", train=0, test=2, each=3)
    with pytest.MonkeyPatch.context() as patch:
        out = folder / "features.parquet"
        arguments = ["sanreid", "embed", str(folder / "people"), "-o", str(out), "-m", str(folder / "model")]
        patch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit):
            networks.main.main()
    return folder


def test_a_folder_and_its_features_rank_as_the_cosine_does(place, monkeypatch, capfd):
    asked = place / "people/images/query/100_0.png"
    if not asked.exists():
        asked = next((place / "people/images/query").iterdir())
    common = ("-m", place / "model", "--top", 4, "--json")
    results = []
    for gallery in ("people", "features.parquet"):
        code, shown, told = networks.run(monkeypatch, capfd, "search", asked, "-g", place / gallery, *common)
        assert (code, told) == (0, "")
        results.append(json.loads(shown)["queries"])
    assert results[0] == results[1]
    (result,) = results[0]
    assert result["query"] == [str(asked)]
    paths = sorted((place / "people").rglob("*.png"))
    model = Model.load(place / "model")
    distances = 1 - model.embed([asked])[0] @ model.embed(paths).T
    found = [match["distance"] for match in result["matches"]]
    np.testing.assert_allclose(found, np.sort(distances)[:4], atol=2e-6)
    assert result["matches"][0].keys() == {"rank", "path", "distance", "pid", "camid"}
    assert [match["rank"] for match in result["matches"]] == [1, 2, 3, 4]


def test_a_pipe_gets_lines_and_a_page_its_pictures(place, monkeypatch, capfd):
    pattern, page = place / "people/images/query/*.png", place / "found.html"
    given = ("search", pattern, "-g", place / "features.parquet", "-m", place / "model", "--html", page)
    code, shown, told = networks.run(monkeypatch, capfd, *given)
    assert code == 0
    assert "found.html: 2 queries, 6 pictures each" in told
    header, *lines = (line.split("\t") for line in shown.splitlines())
    assert header == ["query", "rank", "distance", "path", "pid", "camid"]
    assert len(lines) == 2 * 6
    text = page.read_text()
    assert text.count("<img") == text.count('src="data:image/jpeg;base64,') == 2 * (1 + 6)
    assert "http" not in text
    assert f"{float(lines[1][2]):.3f}" in text
    code, shown, _ = networks.run(monkeypatch, capfd, *given[:-1], "-", "--together", "--top", 2)
    assert code == 0
    assert shown.startswith("<!doctype html>")
    assert shown.count("<img") == 2 + 2


def test_a_picture_comes_by_standard_input(place, monkeypatch, capfd):
    asked = next((place / "people/images/query").iterdir())
    given = ("search", "-g", place / "features.parquet", "-m", place / "model", "--json")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(asked.read_bytes())))
    by_pipe = json.loads(networks.run(monkeypatch, capfd, *given, "-")[1])["queries"]
    by_name = json.loads(networks.run(monkeypatch, capfd, *given, asked)[1])["queries"]
    assert by_pipe[0]["matches"] == by_name[0]["matches"]


def test_a_broken_picture_of_a_gallery_is_left_out_and_told(place, monkeypatch, capfd, tmp_path):
    asked = next((place / "people/images/query").iterdir())
    for name in ("a.png", "new\nline.png"):
        (tmp_path / name).write_bytes(asked.read_bytes())
    (tmp_path / "cut.png").write_bytes(asked.read_bytes()[:60])
    given = ("search", asked, "-g", tmp_path, "-m", place / "model")
    code, shown, told = networks.run(monkeypatch, capfd, *given)
    assert code == 0
    assert len(shown.splitlines()) == 1 + 2
    assert told.startswith("1 of 3 pictures left out:\n  cut.png: not a readable picture (cut off")
    code, _, told = networks.run(monkeypatch, capfd, "search", tmp_path / "cut.png", *given[2:])
    assert (code, told.count("\n")) == (1, 1)  # a picture that somebody asks with is wanted


def test_what_is_wrong_is_one_line_or_status_2(place, monkeypatch, capfd, tmp_path):
    asked = next((place / "people/images/query").iterdir())
    ok = ("-g", place / "features.parquet")
    model = ("-m", place / "model")
    (tmp_path / "empty").mkdir()
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    for arguments, word in (
        ((asked, *ok, "-m", place / "other"), "embed the gallery again"),
        ((asked, *ok, *model, "--rerank"), "too few to re-rank"),
        ((asked, "-g", tmp_path / "empty", *model), "no pictures"),
        ((asked, "-g", tmp_path / "gone.parquet", *model), "gone.parquet: not found"),
        ((asked, "-g", tmp_path / "torn.parquet", *model), "torn.parquet: not readable"),
        ((tmp_path / "gone.jpg", *ok, *model), "gone.jpg: not found"),
        ((asked, *ok, *model, "--device", "abacus"), "device 'abacus'"),
        ((asked, *ok, *model, "--html", tmp_path / "empty"), "empty: no file"),
    ):
        code, shown, told = networks.run(monkeypatch, capfd, "search", *arguments)
        assert (code, shown) == (1, "")
        assert told.startswith("sanreid: ")
        assert word in told
        assert told.count("\n") == 1
    for arguments in (
        (asked,),
        (asked, *ok, "--top", 0),
        (asked, *ok, "--nothing"),
        (asked, *ok, "--json", "--html=-"),
    ):
        assert networks.run(monkeypatch, capfd, "search", *arguments)[0] == 2


def test_features_whose_pictures_changed_are_told(place, monkeypatch, capfd, tmp_path):
    shutil.copytree(place / "people", tmp_path / "people")
    common = ("-m", place / "model")
    file = tmp_path / "features.npz"
    assert networks.run(monkeypatch, capfd, "embed", tmp_path / "people", "-o", file, *common)[0] == 0
    asked = sorted((tmp_path / "people").rglob("*.png"))[0]
    assert networks.run(monkeypatch, capfd, "search", asked, "-g", file, "--top", 1, *common)[2] == ""
    os.utime(asked)
    code, _, told = networks.run(monkeypatch, capfd, "search", asked, "-g", file, "--top", 1, *common)
    assert code == 0
    assert f"{file}: 1 of the pictures shown are gone or were changed" in told
