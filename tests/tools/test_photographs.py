"""The tool that measures trained networks on photographs: any model folder, the floors, the page, and what is stale."""

import json
import shutil
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch

from sanreid.data import photographs as reader
from sanreid.evaluation import photographs as evaluation
from sanreid.evaluation.photographs import Settings
from sanreid.models import reid, strong
from sanreid.models.san import SAN
from sanreid.params import validate
from sanreid.reporting.photographs import measure, page, table
from sanreid.training import checkpoint
from tests.stages import toy_san as toy
from tests.stages.toy_systems import NETWORK
from tools import photographs

DEMO = Settings(k1=20, k2=6, weight=0.3, max_rank=50, draws=30, seed=0)  # of params.yaml, but for the draws


def write_san(folder):
    torch.manual_seed(1)
    folder.mkdir(parents=True)
    settings = {"variant": "san", "people": 3, "architecture": toy.architecture()}
    checkpoint.save_model(folder, SAN(toy.architecture(), people=3), settings, None)


@pytest.fixture(scope="module")
def made(tmp_path_factory, root):
    """A folder of six people in two cameras, a SAN and a strong network, and what the tool made of them."""
    place = tmp_path_factory.mktemp("photographs")
    people = toy.write_people(place / "people", train=1, test=6)
    write_san(place / "models/san/set/san/seed0")
    arch = validate({**NETWORK, "initialise": "scratch"}, reid.Architecture, "network")
    folder = place / "models/strong/set/seed0"
    folder.mkdir(parents=True)
    checkpoint.save_model(
        folder,
        strong.Strong(arch, 4),
        {"system": "strong", "people": 4, "recipe": {"network": arch.model_dump()}},
        None,
    )
    (folder / "training.json").write_text(json.dumps({"warnings": ["the loss rose"]}))
    (place / "models/san_pg").mkdir()
    (place / "models/san_pg/params.json").write_text('{"architecture": {}, "target": "texture"}')
    shutil.copy(root / "params.yaml", place)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        photographs.main([str(people), "--draws", "30"])
    return place


def test_every_network_and_floor_is_measured(made):
    out = made / "reports/photographs/people"
    folders = sorted(f.parent.relative_to(out).as_posix() for f in out.rglob("metrics.json"))
    assert folders == ["floors/random", "floors/stripes", "san/set/san/seed0", "strong/set/seed0"]
    for folder in folders:
        metrics = json.loads((out / folder / "metrics.json").read_text())
        assert metrics["rank1"] == metrics["parts"]["all"]["plain"]["rank1"]
        assert list(metrics["parts"]) == ["all", "odd", "even"]
        low, high = metrics["parts"]["all"]["plain"]["intervals"]["mAP"]
        assert low <= metrics["mAP"] <= high
        assert (out / folder / "ranked.jpg").is_file()
        assert 0 <= json.loads((out / folder / "verification.json").read_text())["equal_error_rate"] <= 1
        assert (out / folder / "ranked_centred.jpg").is_file()
        files = ("failures.json", "failures.jpg", "looks.jpg")
        assert {(out / folder / name).is_file() for name in files} == {"floors" not in folder}
        if "floors" in folder:
            continue
        told = json.loads((out / folder / "failures.json").read_text())
        assert [told["queries"][0]["visible"], told["median"]["visible"]] == [None, None]  # no renderer knows
        assert all(q["why"] and q["sharpness"] > 0 for q in told["queries"])
    numbers = pd.read_csv(out / "table.csv")
    assert len(numbers) == 4 * 4 * sum(len(ways) for ways in metrics["parts"].values())
    text = (out / "index.html").read_text()
    assert "models/strong/set/seed0: the loss rose" in text
    assert "colour stripes" in text
    assert text.count("where the feature looks <span>") == 2  # of networks alone
    assert text.count("and the likely why of each</span>") == 2
    assert "body seen" not in text
    assert text.count("<i></i>") == 4  # a curve each
    assert (out / "table.md").read_text().count("\n") == 6


def test_the_numbers_are_those_of_the_networks_features(made, monkeypatch):
    monkeypatch.chdir(made)
    rows = reader.read(made / "people")
    values, told = measure.of_model(made / "models/san/set/san/seed0", made / "people", rows, 4, False)
    found = dict(evaluation.ways(values, rows, DEMO))["plain"].metrics()
    metrics = json.loads((made / "reports/photographs/people/san/set/san/seed0/metrics.json").read_text())
    assert metrics["parts"]["all"]["plain"]["mAP"] == pytest.approx(found["mAP"], abs=1e-6)
    assert metrics["weights"] == told["weights"]


def test_what_even_people_look_like_changes_nothing_of_the_odd_ones(made):
    rows = reader.read(made / "people")
    values = np.random.default_rng(0).normal(size=(len(rows), 5)).astype(np.float32)
    p = Settings(k1=3, k2=2, weight=0.3, max_rank=10, draws=9, seed=0)
    moved = values.copy()
    moved[(rows["pid"] % 2 == 0).to_numpy()] *= -5
    mine, again = (measure.parts(v, rows, p) for v in (values, moved))
    assert mine["odd"]["centred_reranked"].metrics() == again["odd"]["centred_reranked"].metrics()
    assert mine["all"]["centred"].metrics() != again["all"]["centred"].metrics()


def test_rows_of_other_weights_or_pictures_leave_the_page(made, monkeypatch, tmp_path, caplog):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    out, rows = tmp_path / "reports/photographs/people", reader.read(tmp_path / "people")
    same = measure.identity(tmp_path / "people", rows)
    assert [r.label for r in table.collect(out, same, DEMO)] == [
        "random features",
        "colour stripes",
        "san/set/san/seed0",
        "strong/set/seed0",
    ]
    (tmp_path / "models/strong/set/seed0/weights.safetensors").write_bytes(b"trained again")
    assert [r.label for r in table.collect(out, same, DEMO)][2:] == ["san/set/san/seed0"]
    assert "the weights of models/strong/set/seed0 are gone or other ones" in caplog.text
    assert table.collect(out, measure.identity(tmp_path / "people", rows[1:]), DEMO) == []
    assert table.collect(out, same, Settings(**{**asdict(DEMO), "draws": 31})) == []
    assert "it was ranked or drawn by other numbers" in caplog.text
    with pytest.raises(ValueError, match="no measurement"):
        page.render("x", out, [])


def test_what_cannot_be_measured_is_told_before_any_work(made, monkeypatch):
    monkeypatch.chdir(made)
    for arguments, words in (
        (["nowhere"], "photographs: nowhere: no such folder"),
        (["people", "--models", "models/none"], "models/none/params.json: not found; name a model folder"),
        (["people", "--models", "models/san_pg"], "models/san_pg/params.json: no re-ID network"),
        (["people", "--draws", "0"], "--draws 0: at least 1"),
    ):
        with pytest.raises(SystemExit, match=words):
            photographs.main([*arguments, "--name", "other"])
    assert not (made / "reports/photographs/other").exists()


def test_a_network_elsewhere_has_its_own_place(made, monkeypatch, tmp_path):
    monkeypatch.chdir(made)
    assert photographs.place(made / "models/san/set/san/seed0").as_posix() == "san/set/san/seed0"
    assert photographs.place(photographs.SHIPPED).as_posix() == table.SHIPPED
    assert photographs.place(tmp_path / "mine").as_posix() == f"elsewhere{tmp_path / 'mine'}"
