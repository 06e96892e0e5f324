"""Stage train_aligned on people of two colours: what it writes, that it learns, and what it refuses."""

import json

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from sanreid.params import ParamsError, validate
from stages import train_aligned as stage
from tests.training.test_aligned import SECTION

pytestmark = pytest.mark.usefixtures("own_folders")


def train(folders, out, seed=0, **changes):
    stage.main(*folders, seed, out, validate({**SECTION, **changes}, stage.Params, "train_aligned"))
    return out


def test_it_learns_and_says_what_it_did(folders, tmp_path):
    out = train(folders, tmp_path / "models/aligned/toy/seed0", epochs=15)
    history = pd.read_csv(out / "history.csv")
    terms = ["id", "global_triplet", "local_triplet", "mutual_id", "mutual_global"]
    assert list(history) == ["epoch", "step", "lr", *terms]
    mean = history.groupby("epoch")[terms].mean()
    assert mean["global_triplet"].iloc[-1] < 0.5 * mean["global_triplet"].iloc[0]
    assert mean["local_triplet"].iloc[-1] < 0.5 * mean["local_triplet"].iloc[0]
    assert mean["id"].iloc[-1] < 0.8 * mean["id"].iloc[0]
    record = json.loads((out / "params.json").read_text())
    assert (record["system"], record["people"], record["recipe"]["networks"]) == ("aligned", 6, 2)
    assert record["recipe"]["network"] == SECTION["network"]
    report = json.loads((out / "load_report.json").read_text())
    assert report["initialise"] == "san_pg"
    assert [peer["matched"] for peer in report["peers"]] == [report["matched"]]
    weights = load_file(out / "weights.safetensors")
    first = {k for k in weights if not k.startswith("peers.")}
    assert {k.removeprefix("peers.0.") for k in weights if k not in first} == first
    assert not torch.equal(weights["classifier.weight"], weights["peers.0.classifier.weight"])


def test_the_same_seed_gives_the_same_weights_and_another_does_not(folders, tmp_path):
    a, b, c = (train(folders, tmp_path / name, seed) for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    weights = [(out / "weights.safetensors").read_bytes() for out in (a, b, c)]
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


def test_a_wrong_section_is_refused_before_any_work(folders, tmp_path):
    with pytest.raises(ParamsError, match=r"train_aligned\.weights\.local"):
        train(folders, tmp_path / "out", weights={**SECTION["weights"], "local": 1.0})
    with pytest.raises(ParamsError, match="networks: 1 has nobody to learn from"):
        train(folders, tmp_path / "out", networks=1)
    with pytest.raises(ValueError, match=r"train_aligned\.people: 7 persons"):
        train(folders, tmp_path / "out", people=7)
    assert not (tmp_path / "out").exists()
