"""Stage train_attributes on toy people: from the .mat and both variants of the CSV, resumed, and what it refuses."""

import json

import pandas as pd
import pytest

from sanreid.data.attributes import HEADS
from sanreid.params import ParamsError, validate
from sanreid.training import attributes, checkpoint
from stages import train_attributes
from tests.stages import toy_attributes as toy
from tests.stages import toy_systems

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    return (
        toy.write_market(folder / "market"),
        toy.write_raw(folder / "raw"),
        toy_systems.write_san_pg(folder / "san_pg"),
    )


def params(**changes):
    return validate({**toy.RECIPE, **changes}, train_attributes.Params, "train_attributes")


def train(given, labels, out, **changes):
    market, _, san_pg = given
    train_attributes.main(market, labels, san_pg, 3, out, params(**changes))
    return out


@pytest.mark.parametrize("file", ["market_attribute.mat", "annotations_train.csv", "multicolor.csv"])
def test_every_form_of_the_labels_trains_to_the_same_weights(given, tmp_path, file):
    labels = [
        toy.extract(given[1], given[0], tmp_path / f"l{i}", f) for i, f in enumerate(["market_attribute.mat", file])
    ]
    a, b = (train(given, folder, tmp_path / f"models/{i}/seed3") for i, folder in enumerate(labels))
    names = ["history.csv", "load_report.json", "params.json", "training.json", "weights.safetensors"]
    assert sorted(f.name for f in a.iterdir()) == names
    assert (a / "weights.safetensors").read_bytes() == (b / "weights.safetensors").read_bytes()


def test_what_is_left_says_how_it_went(given, tmp_path):
    labels = toy.extract(given[1], given[0], tmp_path / "labels")
    out = train(given, labels, tmp_path / "models/attributes/seed3", epochs=4, patience=1)
    history = pd.read_csv(out / "history.csv")
    assert list(history) == ["epoch", "step", "lr", *HEADS, "validation_loss", "validation_accuracy"]
    took = json.loads((out / "training.json").read_text())
    curve = history["validation_loss"].dropna().tolist()
    assert took["epochs"] == len(curve)
    assert curve[took["best_epoch"] - 1] == min(curve)
    assert took["epochs"] in (4, took["best_epoch"] + 1)
    report = json.loads((out / "load_report.json").read_text())
    assert report["initialise"] == "san_pg"
    assert "encoder.conv1.weight" in report["matched"]
    assert json.loads((out / "params.json").read_text())["system"] == "attributes"
    attributes.load(out)
    assert not list(checkpoint.folder("x").parent.glob("*"))


def test_a_killed_training_continues_to_the_same_result(given, tmp_path, monkeypatch):
    labels = toy.extract(given[1], given[0], tmp_path / "labels")
    whole = train(given, labels, tmp_path / "models/whole/seed3", epochs=4)
    save = checkpoint.save_state

    def killed(run, state):
        save(run, state)
        if state["epoch"] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save_state", killed)
    out = tmp_path / "models/killed/seed3"
    with pytest.raises(KeyboardInterrupt):
        train(given, labels, out, epochs=4)
    assert not out.exists()
    monkeypatch.setattr(checkpoint, "save_state", save)
    train(given, labels, out, epochs=4)
    for name in ("history.csv", "weights.safetensors"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_what_cannot_be_is_refused_before_any_work(given, tmp_path):
    labels = toy.extract(given[1], given[0], tmp_path / "labels")
    with pytest.raises(ValueError, match=r"train_attributes\.batch: 1000"):
        train(given, labels, tmp_path / "m", batch=1000)
    with pytest.raises(ParamsError, match=r"train_attributes\.patience"):
        params(patience=0)
    with pytest.raises(FileNotFoundError, match="the stage extract_attributes writes it"):
        train(given, tmp_path / "nothing", tmp_path / "m")
    assert not (tmp_path / "m").exists()
