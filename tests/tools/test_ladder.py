"""The ladder: steps stand on steps, what they train with, and gains on photographs against plain loops."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from sanreid.data import photographs as reader
from sanreid.evaluation import photographs
from sanreid.evaluation.photographs import Settings
from sanreid.models import reid, strong
from sanreid.params import ParamsError, read, validate
from sanreid.reporting.photographs import ladder as steps
from sanreid.reporting.photographs import measure
from sanreid.training import checkpoint
from tests.stages import toy_san as toy
from tests.stages.toy_systems import NETWORK
from tools import ladder, pretrained

LADDER = {"people": 4, "epochs": 2, "seeds": [0]}


def given(*rungs):
    return validate({**LADDER, "steps": list(rungs)}, ladder.Ladder, "ladder")


@pytest.fixture(scope="module")
def made(tmp_path_factory, root):
    """Six people in two cameras, two networks of other weights, and the ladder from the one to the other."""
    place = tmp_path_factory.mktemp("ladder")
    people = toy.write_people(place / "people", train=1, test=6)
    arch = validate({**NETWORK, "initialise": "scratch"}, reid.Architecture, "network")
    for seed, name in enumerate(("first", "second")):
        torch.manual_seed(seed)
        settings = {"system": "strong", "people": 4, "recipe": {"network": arch.model_dump()}}
        (place / name).mkdir()
        checkpoint.save_model(place / name, strong.Strong(arch, 4), settings, None)
    (place / "ladder.yaml").write_text(
        "people: 4\nepochs: 2\nseeds: [0]\nsteps:\n  - {name: one, model: first}\n  - {name: two, model: second}\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        ladder.main([str(people), "--ladder", "ladder.yaml", "--work", "work", "--draws", "40"])
    return place


def test_a_gain_is_of_the_same_draws_of_people(made):
    out = made / "reports/photographs/people"
    table = pd.read_csv(out / "ladder.csv").set_index(["step", "part", "way"])
    rows = reader.read(made / "people")
    p = Settings(20, 6, 0.3, 50, 40, 0)
    drawn = []
    for at, name in enumerate(("first", "second")):
        values, _ = measure.of_model(made / name, made / "people", rows, 4, False)
        found = dict(photographs.ways(values, rows, p))["centred"]
        assert table.loc[at, "all", "centred"]["mAP"] == pytest.approx(found.metrics()["mAP"])
        drawn.append(photographs.drawn(found.ranking, found.query.pids, 40, 0)[:, -1])
    line = table.loc[1, "all", "centred"]
    assert line[["low", "high"]].tolist() == pytest.approx(np.percentile(drawn[1] - drawn[0], [2.5, 97.5]))
    assert line["gain"] == pytest.approx(line["mAP"] - table.loc[0, "all", "centred"]["mAP"])
    assert table["gain"].isna().tolist() == [True] * 6 + [False] * 6
    assert (out / "ladder.md").read_text().count("\n") == 4
    assert "two" in (out / "ladder.html").read_text()


@pytest.mark.parametrize(("low", "high", "words"), [(0.1, 0.2, "gain"), (-0.2, -0.1, "loss"), (-1, 1, "no difference")])
def test_nothing_is_claimed_where_the_interval_holds_0(low, high, words):
    assert steps._shows(pd.Series({"gain": 0.0, "low": low, "high": high})).startswith(words)


def test_a_step_has_what_the_steps_below_it_have(tmp_path):
    made = given(
        {"name": "a", "set": ["train_strong.augment.photometric=null"]},
        {"name": "b", "look": ["photograph"], "set": ["train_strong.network.initialise=scratch"]},
        {"name": "c", "look": ["crowd"]},
        {"name": "d", "on": "a", "look": ["worn"]},
    )
    assert [made.below(at) for at in range(4)] == [None, 0, 1, 0]
    files = [read(ladder.parameters(made, at, tmp_path, [])) for at in range(4)]
    look, demo = read(pretrained.LOOK)["synthesize"]["look"], read(pretrained.BASE)["synthesize"]["look"]
    for file, on in zip(files, ([], ["photograph"], ["photograph", "crowd"], ["worn"]), strict=True):
        assert file["synthesize"]["look"] == {k: (look if k in on else demo)[k] for k in demo}
        assert file["synthesize"]["market1501"]["train_people"] == 4
        assert file["train_strong"]["epochs"] == 2
        assert file["train_strong"]["augment"]["photometric"] is None
    assert [f["train_strong"]["network"]["initialise"] for f in files] == ["imagenet", "scratch", "scratch", "imagenet"]


def test_what_is_amiss_is_told_before_anything_is_made(made, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made / "people", "people")
    for step, words in (
        ("{name: a, look: [fog]}", "fog: no such lever; there are: photograph"),
        ("{name: a, on: b}", "stands on 'b', which is no step above"),
        ("{name: a, set: [train_strong.epoch=1]}", "train_strong.epoch"),
    ):
        (tmp_path / "bad.yaml").write_text(f"people: 4\nepochs: 2\nseeds: [0]\nsteps:\n  - {step}\n")
        with pytest.raises(SystemExit, match=words):
            ladder.main(["people", "--ladder", "bad.yaml", "--work", "work"])
    with pytest.raises(SystemExit, match="--draws 0: at least 1"):
        ladder.main(["people", "--draws", "0"])
    assert not list(tmp_path.glob("work/*_*"))


def test_the_committed_ladder_is_whole(tmp_path):
    committed = validate(read(ladder.LADDER), ladder.Ladder, "ladder")
    for at in range(len(committed.steps)):
        ladder.parameters(committed, at, tmp_path, [])
    recipe = read(pretrained.RECIPE)["train_strong"]["augment"]["photometric"]
    everything = next(at for at, s in enumerate(committed.steps) if s.look == ["framing"])
    assert read(tmp_path / f"step{everything}.yaml")["train_strong"]["augment"]["photometric"] == recipe
    with pytest.raises(ParamsError, match="people"):
        validate({**LADDER, "people": 1, "steps": [{"name": "a"}]}, ladder.Ladder, "ladder")
