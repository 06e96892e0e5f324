"""What the trainings of re-ID systems share: the people, the start, and an end that is whole and says its seconds."""

import json

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from sanreid.data import index, tensors
from sanreid.models import reid as network
from sanreid.params import ParamsError, validate
from sanreid.training import checkpoint, loop, optim, reid
from tests.stages import toy_san as toy
from tests.stages import toy_systems

pytestmark = pytest.mark.usefixtures("own_folders")


def architecture(**changes) -> network.Architecture:
    return validate({**toy_systems.NETWORK, **changes}, network.Architecture, "network")


class Net(nn.Module):
    """The least that a system's network is."""

    def __init__(self, arch: network.Architecture, people: int) -> None:
        super().__init__()
        self.encoder = arch.trunk()
        self.classifier = nn.Linear(self.encoder.channels[3], people)

    def forward(self, images):
        return self.classifier(self.encoder(images).l4.mean((2, 3)))


class Step:
    terms, validation = ("id",), ()

    def __init__(self, model: Net, people: reid.People, recipe: reid.Recipe) -> None:
        self.model, self.people = model, people
        self.optimisations = {"main": optim.Optimisation(model.parameters(), recipe.optimiser, recipe.epochs)}

    def batches(self, seed, epoch):
        return list(torch.arange(len(self.people.labels)).split(6))

    def __call__(self, batch, generator):
        images = tensors.normalise_images(self.people.images[batch])
        loss = nn.functional.cross_entropy(self.model(images), self.people.labels[batch])
        self.optimisations["main"].zero_grad()
        loss.backward()
        self.optimisations["main"].step()
        return {"id": loss.detach()}

    def validate(self):
        return {}


@pytest.fixture
def folder(tmp_path):
    return toy.write_people(tmp_path / "people")


@pytest.fixture
def san_pg(tmp_path):
    return toy_systems.write_san_pg(tmp_path / "san_pg")


def test_people_are_those_of_the_split_labelled_by_ascending_pid(folder):
    people = reid.read(folder, (32, 16))
    table = index.read(folder)
    train = table[table["split"] == "train"]
    assert people.count == 6
    assert people.images.shape == (24, 3, 32, 16)
    assert people.labels.tolist() == [pid - 100 for pid in train["pid"]]
    assert torch.equal(people.images, tensors.decode(folder, train["path"].tolist(), (32, 16)))
    with pytest.raises(ValueError, match="no rows of split 'validation'"):
        reid.read(folder, (32, 16), "validation")


def test_a_network_starts_with_san_pgs_trunk_and_says_so(san_pg):
    model = Net(architecture(), 6)
    begun = reid.start(model, architecture(), san_pg)
    theirs = load_file(san_pg / "weights.safetensors")
    trunk = {k for k in theirs if k.startswith("encoder.")}
    assert begun.files == [san_pg / "weights.safetensors"]
    assert set(begun.report["matched"]) == trunk
    assert begun.report["untouched"] == ("classifier.weight", "classifier.bias")
    assert all(torch.equal(model.state_dict()[k], theirs[k]) for k in trunk)
    assert "before" not in begun.report
    started = {"initialise": "scratch", "pretrained": "imagenet", "sha256": "abc"}  # of SAN-PG's own training
    (san_pg / "load_report.json").write_text(json.dumps(started))
    assert reid.start(model, architecture(), san_pg).report["before"] == started
    with pytest.raises(ValueError, match="the weights do not fit the network"):
        reid.start(Net(architecture(width=8), 6), architecture(width=8), san_pg)
    with pytest.raises(FileNotFoundError, match="run the stage that trains them"):
        reid.start(model, architecture(), san_pg / "nothing")


def test_from_scratch_nothing_is_read(tmp_path):
    torch.manual_seed(3)
    model = Net(architecture(), 6)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    begun = reid.start(model, architecture(initialise="scratch"), tmp_path / "nothing")
    assert begun == ([], {"initialise": "scratch"})
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


@pytest.mark.parametrize(
    ("backbone", "width", "file"), [("resnet18", 64, "resnet18.pth"), ("mobilenet_v2_ibn", 32, "mobilenet_v2.pth")]
)
def test_imagenets_file_is_named_where_it_is_missing_and_loaded_where_it_is(tmp_path, backbone, width, file):
    arch = architecture(backbone=backbone, width=width, initialise="imagenet")
    model, other = Net(arch, 2), Net(arch, 2)
    torch.save(other.encoder.state_dict(), tmp_path / file)
    begun = reid.start(model, arch, tmp_path)
    assert begun.files == [tmp_path / file]
    assert begun.report["initialise"] == "imagenet"
    assert len(begun.report["sha256"]) == 64
    for name, value in other.encoder.state_dict().items():
        assert torch.equal(model.encoder.state_dict()[name], value), name


def test_what_a_section_cannot_mean_is_refused():
    with pytest.raises(ParamsError, match="height: 40 is not a multiple of 16"):
        architecture(height=40)
    with pytest.raises(ParamsError, match="ImageNet weights fit width 64, not 4"):
        architecture(initialise="imagenet")
    recipe = validate({**toy_systems.RECIPE, "optimiser": LATE}, reid.Recipe, "train_x")
    with pytest.raises(ValueError, match=r"train_x\.optimiser\.milestones: 5 is not before the last of 2"):
        reid.check(recipe, "train_x")


LATE = {**toy.OPTIMISER, "schedule": "tenths", "milestones": [5]}


def train(folder, san_pg, out, stop_after=None, monkeypatch=None, kind=None, **given):
    recipe = validate({**toy_systems.RECIPE, "epochs": 3}, reid.Recipe, "train_x")
    people = reid.read(folder, (32, 16))
    torch.manual_seed(1)
    model = Net(architecture(), people.count)
    begun = reid.start(model, architecture(), san_pg)
    step = (kind or Step)(model, people, recipe)
    if stop_after is not None:
        save = checkpoint.save_state

        def killed(run, state):
            save(run, state)
            if state["epoch"] == stop_after:
                raise KeyboardInterrupt

        monkeypatch.setattr(checkpoint, "save_state", killed)
    try:
        reid.train(step, recipe, begun, system="x", seed=4, people=people, images=folder, out=out, **given)
    finally:
        if stop_after is not None:
            monkeypatch.setattr(checkpoint, "save_state", save)
    return out


def test_the_end_is_whole_and_the_same_after_a_kill(folder, san_pg, tmp_path, monkeypatch):
    whole = train(folder, san_pg, tmp_path / "models/whole/seed4")
    names = ["history.csv", "load_report.json", "params.json", "training.json", "weights.safetensors"]
    assert sorted(f.name for f in whole.iterdir()) == names
    record = json.loads((whole / "params.json").read_text())
    assert (record["system"], record["seed"], record["people"]) == ("x", 4, 6)
    assert record["recipe"]["epochs"] == 3
    history = pd.read_csv(whole / "history.csv")
    assert list(history) == ["epoch", "step", "lr", "id"]
    assert len(history) == 3 * 4
    took = json.loads((whole / "training.json").read_text())
    assert (took["epochs"], took["device"]) == (3, "cpu")
    assert 0 < took["seconds"] < 60
    killed = tmp_path / "models/killed/seed4"
    with pytest.raises(KeyboardInterrupt):
        train(folder, san_pg, killed, 2, monkeypatch)
    assert not killed.exists()
    train(folder, san_pg, killed)
    for name in ("history.csv", "load_report.json", "params.json", "weights.safetensors"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    assert json.loads((killed / "training.json").read_text())["epochs"] == 3
    assert not list(checkpoint.folder("x").parent.iterdir())


class Worse(Step):
    """Its first epoch is its best."""

    validation = ("loss",)

    def batches(self, seed, epoch):
        self.epoch = epoch
        return super().batches(seed, epoch)

    def validate(self):
        return {"loss": 1.0 + self.epoch}


def test_a_training_that_stops_early_keeps_the_best_epoch_and_says_which(folder, san_pg, tmp_path):
    stop = loop.EarlyStop("loss", 1)
    out = train(folder, san_pg, tmp_path / "models/stopped/seed4", kind=Worse, stop=stop)
    took = json.loads((out / "training.json").read_text())
    assert (took["epochs"], took["best_epoch"]) == (2, 1)
    plain = train(folder, san_pg, tmp_path / "models/whole/seed4")
    assert "best_epoch" not in json.loads((plain / "training.json").read_text())
    stopped, whole = (load_file(f / "weights.safetensors") for f in (out, plain))
    assert not torch.equal(stopped["classifier.bias"], whole["classifier.bias"])


def test_people_held_out_are_part_of_what_a_run_is(folder, san_pg, tmp_path, monkeypatch):
    keys = []
    monkeypatch.setattr(checkpoint, "key", lambda settings, files, shown: keys.append(len(shown)) or f"k{len(keys)}")
    train(folder, san_pg, tmp_path / "models/a/seed4")
    train(folder, san_pg, tmp_path / "models/b/seed4", held_out=reid.read(folder, (32, 16)))
    assert keys == [2, 4]


def test_a_training_records_what_it_took(folder, san_pg, tmp_path):
    train(folder, san_pg, tmp_path / "models/a/seed4")
    took = json.loads((tmp_path / "models/a/seed4/training.json").read_text())
    assert took["seconds"] >= 0
    assert (took["epochs"], took["device"], took["warnings"]) == (3, "cpu", [])
