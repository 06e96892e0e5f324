"""`sanreid attributes` against the classifier asked directly; the one that ships; and a folder that is none."""

import json

import pytest
import torch

from sanreid.data import index, tensors
from sanreid.data.attributes import HEADS
from sanreid.evaluation import attributes as measures
from sanreid.models.attributes import AttributeClassifier, Network
from sanreid.params import validate
from sanreid.search import attributes
from sanreid.training import attributes as method
from sanreid.training import checkpoint
from tests.cli import networks
from tests.stages import toy_attributes
from tests.stages import toy_san as toy


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A classifier that learnt nothing, and people."""
    folder = tmp_path_factory.mktemp("attributes")
    torch.manual_seed(0)
    shape = validate({**toy_attributes.NETWORK, "initialise": "scratch"}, Network, "network")
    (folder / "model").mkdir()
    settings = {"system": "attributes", "recipe": {"network": shape.model_dump(mode="json")}}
    checkpoint.save_model(folder / "model", AttributeClassifier(shape, method.CLASSES), settings, None)
    toy.write_people(folder / "people", train=0, test=2, each=3)
    return folder


def test_classes_are_the_classifiers(place, monkeypatch, capfd):
    paths = [place / "people" / path for path in index.read(place / "people")["path"]]
    net, shape = method.load(place / "model")
    store = tensors.decode(place, [str(p.relative_to(place)) for p in paths], shape.size)
    want = measures.predict(net, store, method.CLASSES, 4)
    given = ("attributes", place / "people", "-m", place / "model", "--device", "cpu")
    code, shown, _ = networks.run(monkeypatch, capfd, *given, "--json")
    told = json.loads(shown)["pictures"]
    assert code == 0
    assert [t["path"] for t in told] == [str(p) for p in paths]
    for line, classes in zip(told, want, strict=True):
        for head, number in zip(HEADS, classes, strict=True):
            found = line["attributes"][head]
            assert found["class"] == HEADS[head][number]
            assert 1 / len(HEADS[head]) <= found["probability"] <= 1
    lines = networks.run(monkeypatch, capfd, *given)[1].splitlines()
    assert lines[0].split("\t") == ["path", *HEADS]
    assert lines[1].split("\t")[1:] == [told[0]["attributes"][head]["class"] for head in HEADS]


def test_without_a_model_the_one_that_ships_answers(place, monkeypatch, capfd, tmp_path):
    given = ("attributes", place / "people", "--json")
    code, shown, _ = networks.run(monkeypatch, capfd, *given)
    assert code == 0
    assert shown == networks.run(monkeypatch, capfd, *given, "-m", attributes.SHIPPED)[1]
    assert len(json.loads(shown)["pictures"]) == 6
    networks.write_strong(tmp_path / "strong")
    code, _, told = networks.run(monkeypatch, capfd, "attributes", place / "people", "-m", tmp_path / "strong")
    assert code == 1
    assert "name a folder of train_attributes" in told
