"""`sanreid calibrate` and `sanreid same`: from labelled people to an answer, and what is refused."""

import json

import numpy as np
import pytest

from sanreid.api import SHIPPED, Model
from sanreid.cli import same as verb
from sanreid.data import index
from sanreid.evaluation import calibration
from sanreid.search import same as comparison
from tests.cli import networks
from tests.stages import toy_san as toy


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("same")
    networks.write_strong(folder / "model")
    toy.write_people(folder / "people", train=1, test=6)
    return folder


def test_people_calibrate_and_two_pictures_are_compared(place, monkeypatch, capfd):
    table = index.read(place / "people")
    paths = [place / "people" / p for p in table["path"]]
    two = (paths[-1], paths[-2])
    model = ("-m", place / "model")
    code, shown, told = networks.run(monkeypatch, capfd, "same", *two, *model)
    assert (code, shown) == (1, "")
    assert "calibration.json: not found; `sanreid calibrate" in told
    assert networks.run(monkeypatch, capfd, "calibrate", place / "people", *model)[0] == 0
    held = (table["split"] != "train").to_numpy()
    features = Model.load(place / "model").embed(paths)
    want = calibration.calibrate(features[held], table["pid"][held].to_numpy(), table["camid"][held].to_numpy("int64"))
    known = calibration.read(place / "model/calibration.json")
    assert (known.people, known.genuine, known.impostor) == (6, want.genuine, want.impostor)
    assert known.slope == pytest.approx(want.slope, rel=0.01)

    code, shown, _ = networks.run(monkeypatch, capfd, "same", *two, *model, "--rate", 0.01, "--json")
    told = json.loads(shown)
    assert code == 0
    assert told["similarity"] == pytest.approx(float(np.dot(features[-1], features[-2])), abs=1e-5)
    assert told["same"] == (told["similarity"] >= known.at(0.01).similarity)
    assert told["probability"] == pytest.approx(known.probability(told["similarity"]))
    assert told["false_accept_rate"] <= 0.01
    rare = json.loads(
        networks.run(monkeypatch, capfd, "same", *two, *model, "--rate", 0.01, "--prior", 0.01, "--json")[1]
    )
    assert rare["probability"] < told["probability"]
    code, shown, _ = networks.run(monkeypatch, capfd, "same", paths[0], paths[0], *model, "--rate", 0.01)
    assert code == 0
    assert shown.startswith("the same person: probability")
    assert "6 people held out" in shown


def test_the_calibration_that_ships_is_not_overwritten(place, monkeypatch, capfd, tmp_path):
    file = SHIPPED / calibration.FILE
    before = file.read_bytes()
    for given in ((), ("-m", SHIPPED)):
        code, shown, told = networks.run(monkeypatch, capfd, "calibrate", place / "people", *given)
        assert (code, shown) == (2, "")
        assert "-o mine.json" in told
    mine = tmp_path / "mine.json"
    assert networks.run(monkeypatch, capfd, "calibrate", place / "people", "-o", mine)[0] == 0
    picture = next((place / "people").rglob("*.png"))
    given = ("same", picture, picture, "--calibration", mine, "--rate", 0.01)
    code, shown, told = networks.run(monkeypatch, capfd, *given)
    assert (code, told) == (0, "")
    assert "6 people held out" in shown
    assert file.read_bytes() == before


def test_what_is_wrong_is_one_line_or_status_2(place, monkeypatch, capfd, tmp_path):
    toy.write_people(tmp_path / "people", train=0, test=2)
    picture = next((tmp_path / "people").rglob("*.png"))
    model = ("-m", place / "model")
    assert networks.run(monkeypatch, capfd, "same", picture, *model)[0] == 2
    assert networks.run(monkeypatch, capfd, "same", picture, picture, *model, "--prior", 1)[0] == 2
    (tmp_path / "no.json").write_text("{}")
    code, _, told = networks.run(
        monkeypatch, capfd, "same", picture, picture, *model, "--calibration", tmp_path / "no.json"
    )
    assert (code, told.count("\n")) == (1, 1)
    assert "no.json: " in told
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose/a.png").write_bytes(picture.read_bytes())
    code, _, told = networks.run(monkeypatch, capfd, "calibrate", tmp_path / "loose", *model)
    assert code == 1
    assert "who is who is not told; add an index.csv" in told


@pytest.mark.parametrize(
    ("taken", "probability", "words"),
    [
        (True, 0.9, "the same person"),
        (False, 0.8, "perhaps the same person, below the threshold"),
        (False, 0.4, "two people"),
    ],
)
def test_what_is_probable_is_not_called_two_people(taken, probability, words):
    found = comparison.Answer(taken, probability, 0.5, 0.3, 0.4, 0.001, 0.4)
    assert verb.verdict(found) == words
