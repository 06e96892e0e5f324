"""`make pretrained` at toy size, from rendered pictures on; and what ships embeds as what was trained."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sanreid.evaluation import calibration, features
from sanreid.models import reid as network
from sanreid.models import san
from sanreid.models.attributes import AttributeClassifier, Network
from sanreid.models.strong import Strong
from sanreid.params import validate
from sanreid.search import attributes as search
from sanreid.search import textures
from sanreid.training import attributes, checkpoint, networks, reid
from tests.stages import toy_attributes, toy_systems
from tests.stages import toy_san as toy
from tools import pretrained

TOY = [
    "train_strong.epochs=2",
    "train_strong.people=2",
    "train_strong.images=2",
    "train_strong.network.backbone=resnet18",
    "train_strong.network.width=4",
    "train_strong.network.height=32",
    "train_strong.network.width_px=16",
    "train_strong.network.initialise=scratch",
]


def trained(folder, people=5, **changes):
    arch = validate({**toy_systems.NETWORK, "initialise": "scratch", **changes}, network.Architecture, "network")
    torch.manual_seed(3)
    folder.mkdir(parents=True)
    settings = {"system": "strong", "people": people, "recipe": {"network": arch.model_dump()}}
    checkpoint.save_model(folder, Strong(arch, people), settings, None)
    (folder / "history.csv").write_text("epoch\n1\n")
    return folder


def test_what_ships_is_half_as_large_and_embeds_alike(tmp_path):
    model = trained(tmp_path / "model")
    out = tmp_path / "pretrained"
    out.mkdir()
    (out / "README.md").write_text("the card")
    pretrained.ship(model, out)
    assert (out / "README.md").read_text() == "the card"
    stored = load_file(out / checkpoint.WEIGHTS)
    assert not any(name.startswith("classifier") for name in stored)
    assert {v.dtype for v in stored.values() if v.ndim > 1} == {torch.float16}
    assert {v.dtype for v in stored.values() if v.ndim == 1} == {torch.float32}
    assert json.loads((out / "params.json").read_text())["trained_on"] == 5
    pictures = torch.randint(0, 256, (6, 3, 32, 16), dtype=torch.uint8)
    whole, half = (features.extract(networks.load(f)[0], pictures, 4, l2=True) for f in (model, out))
    assert np.einsum("nd,nd->n", whole, half).min() > 0.9999


def test_a_classifier_and_a_painter_ship_in_half_and_answer_alike(tmp_path):
    shape = validate({**toy_attributes.NETWORK, "initialise": "scratch"}, Network, "network")
    torch.manual_seed(3)
    whole = {"attributes": AttributeClassifier(shape, attributes.CLASSES), "texture": san.SAN(toy.architecture(), 3)}
    settings = {
        "attributes": {"system": "attributes", "recipe": {"network": shape.model_dump()}},
        "texture": {"target": "texture", "architecture": toy.architecture().model_dump()},
    }
    for name, ship in (("attributes", pretrained.ship_attributes), ("texture", pretrained.ship_texture)):
        model, out = tmp_path / name, tmp_path / f"pretrained_{name}"
        model.mkdir()
        checkpoint.save_model(model, whole[name], settings[name], None)
        (model / "history.csv").write_text("epoch\n1\n")
        ship(model, out)
        stored = load_file(out / checkpoint.WEIGHTS)
        assert {v.dtype for v in stored.values() if v.ndim > 1} == {torch.float16}
        assert name == "attributes" or not any(key.startswith("classifier") for key in stored)
    pictures = torch.rand(4, 3, toy.HEIGHT, toy.WIDTH)
    half, _ = attributes.load(tmp_path / "pretrained_attributes")
    painter = textures.Painter(tmp_path / "pretrained_texture", torch.device("cpu"))
    assert painter.wearable
    with torch.inference_mode():
        for net in (half, *whole.values(), painter.network):
            net.eval()
        for head, logits in whole["attributes"](pictures).logits.items():
            torch.testing.assert_close(half(pictures).logits[head], logits, atol=1e-2, rtol=1e-2)
        mine, theirs = (net.reconstruct(pictures).texture for net in (whole["texture"], painter.network))
        torch.testing.assert_close(theirs, mine, atol=1e-2, rtol=1e-2)


def test_only_a_strong_network_ships(tmp_path):
    folder = trained(tmp_path / "model")
    record = json.loads((folder / "params.json").read_text())
    (folder / "params.json").write_text(json.dumps({**record, "system": "two_head"}))
    with pytest.raises(ValueError, match=r"recipe.network|two_head"):
        pretrained.ship(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_any_system_starts_from_it(tmp_path):
    model = trained(tmp_path / "model")
    pretrained.ship(model, tmp_path / "out")
    arch = validate({**toy_systems.NETWORK, "initialise": "pretrained"}, network.Architecture, "network")
    net = Strong(arch, 3)
    begun = reid.start(net, arch, tmp_path / "out")
    assert begun.report["initialise"] == "pretrained"
    theirs = networks.load(model)[0].encoder.state_dict()
    for name, value in net.encoder.state_dict().items():
        torch.testing.assert_close(value, theirs[name], atol=1e-3, rtol=1e-3)


def test_a_start_that_does_not_fit_is_told(tmp_path):
    pretrained.ship(trained(tmp_path / "model"), tmp_path / "out")
    arch = validate({**toy_systems.NETWORK, "initialise": "pretrained", "width": 8}, network.Architecture, "network")
    with pytest.raises(ValueError, match=r"width: 8, but the network in .* has 4"):
        reid.start(Strong(arch, 3), arch, tmp_path / "out")
    with pytest.raises(FileNotFoundError, match=r"systems.start=src/sanreid/pretrained"):
        reid.start(Strong(arch, 3), arch, tmp_path / "nowhere")


@pytest.mark.slow
def test_it_is_trained_and_calibrated_on_what_is_rendered(tmp_path, own_folders):
    """Pictures that lie there are not rendered anew; tests/test_pretrained.py renders."""
    out, work = tmp_path / "out", tmp_path / "work"
    for name in ("images", "others"):
        toy.write_people(work / name, train=4, test=4)
    for name in ("raw", "others_raw"):
        (work / name).mkdir()
    given = ["--work", str(work), "--out", str(out)]
    pretrained.main([*given, "--networks", "reid", *(w for s in TOY for w in ("-S", s))])
    out = out / "pretrained"
    assert calibration.read(out / calibration.FILE).people == 4
    net, record = networks.load(out)
    assert (record["people"], record["trained_on"]) == (0, 4)
    assert features.extract(net, torch.zeros(2, 3, 32, 16, dtype=torch.uint8), 2).shape == (2, net.encoder.channels[3])


@pytest.mark.slow
def test_the_classifier_and_the_painter_are_trained_too(tmp_path, own_folders):
    """As above: rendered and extracted already; the stages train."""
    out, work = tmp_path / "out", tmp_path / "work"
    toy_attributes.write_market(work / "images")
    toy_attributes.write_raw(work / "raw/attribute")
    (work / "pit_raw").mkdir()
    toy.write_pit(work / "pit")
    shape = {"backbone": "resnet18", "width": 4, "height": 32, "width_px": 16, "initialise": "scratch"}
    changes = {f"train_attributes.network.{key}": value for key, value in shape.items()}
    changes |= {f"san.{key}": value for key, value in toy.architecture().model_dump(mode="json").items()}
    changes |= {"train_attributes.epochs": 2, "train_attributes.batch": 8, "train_san_pg.epochs": 2}
    changes |= {"train_san_pg.batch": 8, "evaluate_attributes.draws": 20}
    words = [w for key, value in changes.items() for w in ("-S", f"{key}={value}")]
    given = ["--work", str(work), "--out", str(out), "--networks", "attributes", "texture", *words]
    pretrained.main(given)
    assert sorted(folder.name for folder in out.iterdir()) == ["pretrained_attributes", "pretrained_texture"]
    picture = work / "images/images/0001_0.png"
    [told] = search.Classifier(out / "pretrained_attributes", torch.device("cpu")).tell([picture])
    assert list(told["attributes"]) == list(attributes.CLASSES)
    assert textures.Painter(out / "pretrained_texture", torch.device("cpu")).paint([picture]).dtype == np.uint8
    assert (work / "attributes_report/index.html").is_file()
    with pytest.raises(SystemExit, match=r"SAN-PG starts from data/weights"):
        pretrained.main([*given, "--start", str(tmp_path)])
