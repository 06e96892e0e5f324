"""Stage compare_mnist_cells on cells that sweep_mnist trained; grids that contradict themselves are refused."""

import json

import pandas as pd
import pytest

from sanreid import params
from sanreid.params import ParamsError, validate
from stages import compare_mnist_cells as stage
from stages import sweep_mnist
from tests.data import toy_digits
from tests.stages.test_sweep_mnist import plan

pytestmark = pytest.mark.usefixtures("own_folders")
ROWS = {"lr1000000000.0_wd0.1_b16": 9.8, "lr0.05_wd0.1_b16": 98.25}
GRIDS = {"mine": {"weight decay": ROWS}}


def section(grids=GRIDS):
    return validate({"grids": grids}, stage.Params, "compare_mnist_cells")


@pytest.fixture
def cells(tmp_path):
    images = toy_digits.write(tmp_path / "mnist")
    for cell in ROWS:
        given = validate({"model": "perceptron", "epochs": 3}, sweep_mnist.Params, "sweep_mnist")
        sweep_mnist.main(images, cell, tmp_path / "cells" / cell, given, plan())
    return tmp_path / "cells"


def test_trained_cells_stand_beside_the_published(cells, tmp_path, capsys):
    out = tmp_path / "out"
    stage.main(cells, "mine", out, section())
    table = pd.read_csv(out / "table.csv").set_index("cell")
    for cell in ROWS:
        measured = json.loads((cells / cell / "metrics.json").read_text())
        assert table.loc[cell, "accuracy"] == pytest.approx(measured["accuracy"])
    assert table["diverged"].tolist() == [True, False]
    text = (out / "table.md").read_text()
    assert text == capsys.readouterr().out
    assert "10.0† (*9.80*)" in text
    assert "3 epochs of `perceptron`" in text
    assert (out / "heatmap.svg").read_text().startswith("<svg")


def test_what_is_missing_or_mixed_is_named(cells, tmp_path):
    with pytest.raises(ValueError, match=r"mnist\.grids: no 'yours' under compare_mnist_cells\.grids; there are mine"):
        stage.main(cells, "yours", tmp_path / "out", section())
    more = {"mine": {"weight decay": ROWS | {"lr0.5_wd0.1_b16": None}}}
    with pytest.raises(FileNotFoundError, match=r"lr0\.5_wd0\.1_b16.*make digits-grid"):
        stage.main(cells, "mine", tmp_path / "out", section(more))
    file = cells / "lr0.05_wd0.1_b16" / "metrics.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"trained": 60}))
    with pytest.raises(ValueError, match="of several models or sets"):
        stage.main(cells, "mine", tmp_path / "out", section())
    assert not (tmp_path / "out").exists()


def test_grids_that_contradict_themselves_are_refused():
    with pytest.raises(ParamsError, match="has another number in another grid of mine"):
        section({"mine": {"a": ROWS, "b": ROWS | {"lr0.05_wd0.1_b16": 1.0}}})
    with pytest.raises(ParamsError, match=r"'lr0\.1' is no cell"):
        section({"mine": {"a": {"lr0.1": 3.0}}})


def test_the_published_grids_are_the_sources(root):
    grids = params.load(root / "params.yaml", "compare_mnist_cells", stage.Params).grids["published"]
    assert len({cell for grid in grids.values() for cell in grid}) == 20
    decay, batch = grids.values()
    assert list(decay.values())[:4] == [9.80, 10.09, 13.23, 98.25]
    assert decay["lr1.0_wd0.001_b64"] == batch["lr1.0_wd0.001_b64"] == 60.72
    assert batch["lr0.001_wd0.001_b5"] == max(v for g in grids.values() for v in g.values()) == 99.47
