"""Stage train_two_branch on people of two colours: held-out people, the best epoch's weights, variants."""

import json

import pandas as pd
import pytest
from safetensors.torch import load_file

from sanreid.data import index
from sanreid.evaluation import features, ranking
from sanreid.params import validate
from sanreid.reporting.systems import measure
from sanreid.training import holdout, reid
from stages import train_two_branch as stage
from tests.stages import toy_san as toy
from tests.stages import toy_systems
from tests.training.test_two_branch import SECTION

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture
def folders(tmp_path):
    return toy.write_people(tmp_path / "people", train=8), toy_systems.write_san_pg(tmp_path / "san_pg")


def train(folders, out, variant="two_branch", seed=0, **changes):
    stage.main(*folders, variant, seed, out, validate({**SECTION, **changes}, stage.Params, "train_two_branch"))
    return out


def test_the_best_epochs_weights_are_kept_and_held_out_people_never_trained_on(folders, tmp_path):
    out = train(folders, tmp_path / "out", epochs=6)
    history = pd.read_csv(out / "history.csv")
    measured = history["validation_mAP"].dropna()
    record, took = (json.loads((out / name).read_text()) for name in ("params.json", "training.json"))
    assert record["people"] == 6  # of 8, two are held out
    assert (record["system"], record["variant"]) == ("two_branch", "two_branch")
    assert record["settings"] == SECTION["variants"]["two_branch"]
    assert took["epochs"] == len(measured)
    assert took["best_epoch"] == 1 + int(measured.to_numpy().argmax())
    table = index.read(folders[0])
    parts = holdout.split(table[table["split"] == "train"], 0.3, 0)
    net, _ = measure.load(out)
    pictures = reid.decode(folders[0], parts.validation, (32, 16)).images
    query, gallery = features.split(features.extract(net, pictures, 64), parts.validation)
    again = ranking.evaluate(query, gallery).mean_average_precision
    assert again == pytest.approx(measured.max(), abs=1e-6)


def test_both_branches_start_from_san_pgs_stage_four(folders, tmp_path):
    frozen = {**toy.OPTIMISER, "lr": 1e-12}
    state = load_file(train(folders, tmp_path / "out", epochs=1, optimiser=frozen) / "weights.safetensors")
    theirs = load_file(folders[1] / "weights.safetensors")
    for block in (0, 1):
        name = f"{block}.conv1.weight"
        assert state[f"encoder.layer4.{name}"].allclose(theirs[f"encoder.layer4.{name}"], atol=1e-6)
        assert state[f"layer4_max.{name}"].allclose(theirs[f"encoder.layer4.{name}"], atol=1e-6)


@pytest.mark.parametrize("variant", ["no_id", "hard"])
def test_variants_train(folders, tmp_path, variant):
    out = train(folders, tmp_path / "out", variant, epochs=1)
    assert ("id_max" in pd.read_csv(out / "history.csv")) == (variant != "no_id")


def test_what_is_wrong_is_named(folders, tmp_path):
    with pytest.raises(ValueError, match=r"train_two_branch\.variants: no 'three'"):
        train(folders, tmp_path / "out", "three")
    with pytest.raises(ValueError, match=r"train_two_branch\.validation\.share: 0\.9 of 8 people"):
        train(folders, tmp_path / "out", validation={"share": 0.9, "patience": 2})
    assert not (tmp_path / "out").exists()


def test_a_set_to_measure_on_is_refused_by_name(folders, tmp_path):
    table = index.read(folders[0])
    index.write(table[table["split"] != "train"], folders[0])
    with pytest.raises(
        ValueError, match=r"people/index\.parquet: no rows of split 'train': there is nobody to train on"
    ):
        train(folders, tmp_path / "out")
