"""The digits' grids against the clock: what is trained first, what an unfinished cell says, the table, a toy run."""

import json
import subprocess
import sys

import pytest
import torch

from benchmarks import digit_workers, digits_at_size
from sanreid import params
from tests import yamls

PLAIN = {"device": "CPU", "torch": "2", "precision": "tf32", "at_once": 2, "toy": False, "trained": 60000}
DONE = {"accuracy": 0.991, "tested": 10000, "diverged": None, "trained": 60000, "epochs": 5, "seconds": 10.0}
DONE |= {"images_a_second": 30000.0}


@pytest.fixture(scope="module")
def grids(root):
    return params.value(root / "profiles" / "paper.yaml", "compare_mnist_cells.grids")["published"]


def test_twenty_cells_those_of_most_steps_first(grids):
    cells = digits_at_size.ordered(grids, "steps")
    assert len(cells) == len(set(cells)) == 20
    assert [cell.endswith("_b5") for cell in cells] == [True] * 4 + [False] * 16
    assert all(cell.endswith("_b200") for cell in digits_at_size.ordered(grids, "images")[:4])


def test_the_published_networks_at_the_published_length(root):
    plan, epochs = digits_at_size.planned(root / "profiles" / "paper.yaml", "tf32", toy=False)
    assert epochs == 5
    shapes = [plan.models[name].network for name in (digits_at_size.SMALL, digits_at_size.LARGE)]
    assert [(s.kind, s.side, s.width) for s in shapes] == [("resnet18", 28, 64), ("resnet18", 224, 64)]
    assert plan.compute.precision == "tf32"


def test_the_digits_are_read_as_published(published, tmp_path):
    assert digits_at_size.read(published / "mnist", tmp_path, toy=True) == (210, 100)
    images, labels, tested = torch.load(tmp_path / digit_workers.DIGITS, weights_only=True)
    assert (images.shape, images.dtype) == ((310, 1, 28, 28), torch.uint8)
    assert labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert int(tested.sum()) == 100


def test_an_unfinished_cell_is_told_by_its_last_whole_epoch(tmp_path):
    assert digit_workers.partial(tmp_path) == {"epochs": 0, "accuracy": None}
    run = tmp_path / "checkpoint" / "key"
    run.mkdir(parents=True)
    (run / "history.csv").write_text(
        "epoch,step,lr,loss,test_accuracy\n1,1,0.1,2,\n1,2,0.1,1,0.5\n2,3,0.1,1,\n2,4,0.1,1,0.75\n"
    )
    assert digit_workers.partial(tmp_path) == {"epochs": 2, "accuracy": 0.75}


def test_the_table_has_whole_grids_and_every_cell(grids, root):
    plan, _ = digits_at_size.planned(root / "profiles" / "paper.yaml", "tf32", toy=False)
    cells = digits_at_size.ordered(grids, "steps")
    large = {
        cells[4]: DONE,
        cells[5]: {"unfinished": {"epochs": 2, "accuracy": 0.5}},
        cells[6]: {"failed": "OSError: x"},
    }
    facts = PLAIN | {"cells": {digits_at_size.SMALL: dict.fromkeys(cells, DONE), digits_at_size.LARGE: large}}
    text = digits_at_size.text(grids, facts, plan, 5)
    assert "resnet18_28, width 64: 20 of 20 cells" in text
    assert "99.1 (*99.47*)" in text
    assert "resnet18_224, width 64: 1 of 20 cells" in text
    assert f"| {cells[5]} | 50.00 (unfinished) |" in text
    assert f"| {cells[6]} | failed |" in text


@pytest.mark.slow
def test_a_toy_run_on_the_cpu_trains_cells_in_processes(root, published, tmp_path, monkeypatch):
    """With a cell that fails: its batch is more than there are digits."""
    values = params.read(root / "profiles" / "paper.yaml")
    few = {"batch, weight decay 0.001": {"lr0.1_wd0.001_b64": 97.63, "lr0.1_wd0.001_b500": 1.0}}
    values["compare_mnist_cells"]["grids"]["published"] = few
    (tmp_path / "few.yaml").write_text(yamls.dump(values))
    command = [sys.executable, str(root / "benchmarks" / "digits_at_size.py"), "--device", "cpu", "--toy"]
    command += ["--mnist", str(published / "mnist"), "--out", str(tmp_path / "out"), "--at-once", "1"]
    command += ["--profile", str(tmp_path / "few.yaml"), "--models", "resnet18_28", "--minutes", "3"]
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True, text=True)
    facts = json.loads((tmp_path / "out" / "digits.json").read_text())
    cells = facts["cells"]["resnet18_28"]
    assert cells["lr0.1_wd0.001_b64"]["trained"] == 210
    assert "batch: 500 is more than the 210" in cells["lr0.1_wd0.001_b500"]["failed"]
    assert facts["left_out"] == {"resnet18_28": []}
    assert "width 2: 1 of 2 cells" in (tmp_path / "out" / "table.md").read_text()
