"""Stage train_two_head on people of two colours: it learns, and evaluate_system reads what it wrote."""

import json

import pandas as pd
import pytest

from sanreid.params import validate
from stages import evaluate_system
from stages import train_two_head as stage
from tests.stages import test_evaluate_system, toy_systems
from tests.stages import toy_san as toy
from tests.training.test_two_head import SECTION

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.mark.parametrize("retrieve", ["pooled", "triplet"])
def test_it_learns_and_is_measured(tmp_path, retrieve):
    people = toy.write_people(tmp_path / "people", test=5)
    p = {**SECTION, "epochs": 15, "network": {**SECTION["network"], "retrieve": retrieve}}
    out = tmp_path / "out"
    san_pg = toy_systems.write_san_pg(tmp_path / "san_pg")
    stage.main(people, san_pg, 0, out, validate(p, stage.Params, "train_two_head"))
    mean = pd.read_csv(out / "history.csv").groupby("epoch")[["triplet", "id"]].mean()
    assert mean["id"].iloc[-1] < 0.8 * mean["id"].iloc[0]
    section = test_evaluate_system.section(metric={"two_head": "euclidean"})
    evaluate_system.main(people, out, tmp_path / "report", section)
    metrics = json.loads((tmp_path / "report/metrics.json").read_text())
    assert metrics["system"] == "two_head"
    assert 0.2 < metrics["mAP"] <= 1
