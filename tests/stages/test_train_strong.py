"""Stage train_strong on people of two colours: what it writes, that it learns, and what it refuses."""

import json

import pandas as pd
import pytest
from safetensors.torch import load_file

from sanreid.params import ParamsError, validate
from stages import train_strong as stage
from tests.stages import toy_systems
from tests.training.test_strong import SECTION

pytestmark = pytest.mark.usefixtures("own_folders")


def train(folders, out, seed=0, **changes):
    stage.main(*folders, seed, out, validate({**SECTION, **changes}, stage.Params, "train_strong"))
    return out


def test_it_learns_and_says_what_it_did(folders, tmp_path):
    out = train(folders, tmp_path / "models/strong/toy/seed0", epochs=15)
    history = pd.read_csv(out / "history.csv")
    assert list(history) == ["epoch", "step", "lr", "id", "triplet"]
    mean = history.groupby("epoch")[["id", "triplet"]].mean()
    assert mean["id"].iloc[-1] < 0.8 * mean["id"].iloc[0]
    assert mean["triplet"].iloc[-1] < 0.5 * mean["triplet"].iloc[0]
    record = json.loads((out / "params.json").read_text())
    assert (record["system"], record["people"], record["recipe"]["network"]) == ("strong", 6, toy_systems.NETWORK)
    assert json.loads((out / "load_report.json").read_text())["initialise"] == "san_pg"
    assert load_file(out / "weights.safetensors")["classifier.weight"].shape[0] == 6


def test_the_same_seed_gives_the_same_weights_and_another_does_not(folders, tmp_path):
    a, b, c = (train(folders, tmp_path / name, seed) for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    weights = [(out / "weights.safetensors").read_bytes() for out in (a, b, c)]
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


def test_a_wrong_section_is_refused_before_any_work(folders, tmp_path):
    with pytest.raises(ParamsError, match=r"train_strong\.losses\.margn"):
        train(folders, tmp_path / "out", losses={**SECTION["losses"], "margn": 1.0})
    with pytest.raises(ValueError, match=r"train_strong\.people: 7 persons"):
        train(folders, tmp_path / "out", people=7)
    assert not (tmp_path / "out").exists()
