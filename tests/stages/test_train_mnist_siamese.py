"""Stage train_mnist_siamese on toy digits: what it writes, what it trains on, and that digits come apart."""

import json

import numpy as np
import pandas as pd
import pytest

from sanreid.data import digits
from sanreid.params import validate
from sanreid.training import siamese
from stages import train_mnist_siamese as stage
from tests.data import toy_digits
from tests.training.test_siamese import SECTION

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture
def folder(tmp_path):
    return toy_digits.write(tmp_path / "mnist")


def train(folder, out, division="d0", **changes):
    stage.main(folder, division, out, validate({**SECTION, **changes}, stage.Params, siamese.SECTION))
    return out


def test_a_division_is_trained_recorded_and_read_back(folder, tmp_path):
    out = train(folder, tmp_path / "out")
    record, took = (json.loads((out / name).read_text()) for name in ("params.json", "training.json"))
    division = digits.divide("d0", 0)
    assert record["division"] == {"name": "d0", **{k: list(v) for k, v in division._asdict().items()}}
    assert took["epochs"] == 2
    assert pd.read_csv(out / "history.csv").columns.tolist() == ["epoch", "step", "lr", "loss"]
    trained, everything = siamese.load(out), digits.read(folder)
    rows = trained.rows(everything)
    assert set(everything.labels[rows.train].tolist()) == set(division.train)
    assert siamese.embed(trained, everything.images).shape == (len(everything.labels), 5)
    again = train(folder, tmp_path / "again")
    assert (again / "weights.safetensors").read_bytes() == (out / "weights.safetensors").read_bytes()


def test_trained_digits_come_apart(folder, tmp_path):
    trained = siamese.load(
        train(folder, tmp_path / "out", "seen", epochs=12, network=SECTION["network"] | {"pooled": 7})
    )
    everything = digits.read(folder)
    found = everything.at(trained.rows(everything).find)
    cosines = (x := siamese.embed(trained, found.images)) @ x.T
    np.fill_diagonal(cosines, -2)
    assert (found.labels[cosines.argmax(1)] == found.labels).float().mean() > 0.8


def test_what_is_wrong_is_named(folder, tmp_path):
    with pytest.raises(ValueError, match="division: no 'd11'"):
        train(folder, tmp_path / "out", "d11")
    with pytest.raises(ValueError, match=r"train_mnist_siamese\.batches\.people: 6 persons"):
        train(folder, tmp_path / "out", batches={**SECTION["batches"], "people": 6})
    assert not (tmp_path / "out").exists()
    with pytest.raises(FileNotFoundError, match="name a folder of train_mnist_siamese"):
        siamese.load(tmp_path / "out")
    (tmp_path / "params.json").write_text('{"system": "strong"}')
    with pytest.raises(ValueError, match="no Siamese network"):
        siamese.load(tmp_path)
