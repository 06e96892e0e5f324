"""`sanreid cluster`: groups as JSON, lines and a page; the calibration's threshold; what is refused."""

import json

import pytest

from sanreid.evaluation import calibration
from tests.cli import networks
from tests.stages import toy_san as toy


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    networks.write_strong(folder / "model")
    toy.write_people(folder / "people", train=0, test=4)
    return folder


def test_a_folder_falls_into_people(place, monkeypatch, capfd):
    given = ("cluster", place / "people", "-m", place / "model")
    code, shown, told = networks.run(monkeypatch, capfd, *given)
    assert (code, shown) == (1, "")
    assert "`sanreid calibrate" in told
    assert networks.run(monkeypatch, capfd, "calibrate", place / "people", "-m", place / "model")[0] == 0
    code, shown, _ = networks.run(monkeypatch, capfd, *given, "--json", "--html", place / "people.html")
    found = json.loads(shown)
    assert code == 0
    known = calibration.read(place / "model/calibration.json")
    assert found["threshold"] == pytest.approx(1 - known.equal_error_similarity, abs=1e-6)
    assert (found["people"], found["pictures"]) == (len(found["groups"]), 16)
    assert sorted(p for g in found["groups"] for p in g["pictures"])[0].startswith("images/")
    assert sum(len(g["pictures"]) for g in found["groups"]) == 16
    assert found["truth"]["people"] == 4
    assert 0 < found["truth"]["accuracy"] <= 1
    assert (place / "people.html").read_text().count("data:image/jpeg") == 16

    features = place / "features.parquet"
    assert networks.run(monkeypatch, capfd, "embed", place / "people", "-o", features, "-m", place / "model")[0] == 0
    code, shown, told = networks.run(monkeypatch, capfd, "cluster", features, "-m", place / "model", "--threshold", 2)
    assert code == 0
    assert [line.split("\t")[0] for line in shown.splitlines()] == ["person", *["1"] * 16]
    assert told.startswith("1 people in 16 pictures")


def test_what_is_wrong_is_told(place, monkeypatch, capfd):
    assert networks.run(monkeypatch, capfd, "cluster", place / "people", "--threshold", 3)[0] == 2
    code, _, told = networks.run(monkeypatch, capfd, "cluster", place / "nowhere", "-m", place / "model")
    assert code == 1
    assert "nowhere: not found; name a folder" in told
