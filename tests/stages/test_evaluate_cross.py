"""Stage evaluate_cross: a model on a set that it was not trained on, by the numbers of section evaluate_san."""

import json

import pytest
import torch

from sanreid.data import index
from sanreid.models.san import SAN
from sanreid.params import load, validate
from sanreid.reporting.run import retrieval
from sanreid.training import checkpoint
from stages import evaluate_cross, evaluate_san
from tests.stages import toy_san as toy
from tests.stages.retrieval_names import FILES
from tests.stages.test_evaluate_san import SECTION


def section(kind=retrieval.Retrieval, **changes):
    return validate({**SECTION, **changes}, kind, "evaluate_san")


@pytest.fixture
def model(tmp_path):
    """A model folder as train_san writes it, trained on people of another number."""
    torch.manual_seed(0)
    (tmp_path / "model").mkdir()
    (tmp_path / "history.csv").write_text("epoch,step\n")
    settings = {"variant": "san", "architecture": toy.architecture()}
    checkpoint.save_model(tmp_path / "model", SAN(toy.architecture(), people=9), settings, tmp_path / "history.csv")
    return tmp_path / "model"


def test_measured_exactly_as_on_its_own_set(model, tmp_path):
    people = toy.write_people(tmp_path / "people", train=2, test=6)
    evaluate_cross.main(people, model, tmp_path / "cross", section(), toy.architecture())
    evaluate_san.main(people, model, tmp_path / "own", section(evaluate_san.Params), toy.architecture())
    files = sorted(f.name for f in (tmp_path / "cross").iterdir())
    assert files == FILES
    assert all((tmp_path / "cross" / f).read_bytes() == (tmp_path / "own" / f).read_bytes() for f in files)
    assert json.loads((tmp_path / "cross/metrics.json").read_text())["protocol"] == "whole_gallery"


def test_a_test_set_needs_no_training_people(model, tmp_path):
    people = toy.write_people(tmp_path / "people", train=0, test=4)
    assert not (index.read(people)["split"] == "train").any()
    evaluate_cross.main(people, model, tmp_path / "cross", section(), toy.architecture())
    assert (tmp_path / "cross/metrics.json").is_file()


def test_what_does_not_go_together_is_refused(model, tmp_path):
    people = toy.write_people(tmp_path / "people", train=1, test=2)
    with pytest.raises(ValueError, match=r"san\.width_px is 32, but .*params.json says 16"):
        evaluate_cross.main(people, model, tmp_path / "out", section(), toy.architecture(width_px=32))
    with pytest.raises(FileNotFoundError, match=r"index\.parquet: not found"):
        evaluate_cross.main(tmp_path / "nowhere", model, tmp_path / "out", section(), toy.architecture())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("profile", ["params.yaml", "profiles/demo.yaml", "profiles/paper.yaml"])
def test_the_numbers_are_evaluate_sans(root, profile):
    load(root / profile, "evaluate_san", retrieval.Retrieval)
