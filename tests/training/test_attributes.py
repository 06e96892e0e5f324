"""The attribute classifier's step: its losses and validation against plain loops, exact resume, what it refuses."""

import json
import math

import pytest
import torch

from sanreid.data import attribute_labels, tensors
from sanreid.data.attributes import HEADS
from sanreid.models.attributes import AttributeClassifier, Network
from sanreid.params import validate
from sanreid.training import attributes, checkpoint, reid
from tests.stages import toy_attributes as toy
from tests.training import resume

pytestmark = pytest.mark.usefixtures("own_folders")
SIZE = (32, 16)


@pytest.fixture(scope="module")
def extracted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    market = toy.write_market(folder / "market")
    return market, toy.extract(toy.write_raw(folder / "raw"), market, folder / "labels")


def recipe(**changes):
    return validate({**toy.RECIPE, **changes}, attributes.Recipe, "train_attributes")


def make_step(extracted, seed=0, **changes):
    r = recipe(**changes)
    people, held_out = (attributes.read(*extracted, split, SIZE) for split in ("train", "val"))
    torch.manual_seed(seed)
    model = AttributeClassifier(r.network, attributes.CLASSES)
    return attributes.Step(model, people, held_out, attribute_labels.class_weights(extracted[1]), r)


def weighted_by_loops(logits, labels, weights):
    """Head -> weighted mean cross entropy."""
    result = {}
    for i, head in enumerate(HEADS):
        total = denominator = 0.0
        for row, label in zip(logits[head].tolist(), labels[:, i].tolist(), strict=True):
            total += weights[head][label] * (math.log(sum(math.exp(x) for x in row)) - row[label])
            denominator += weights[head][label]
        result[head] = total / denominator
    return result


def test_people_come_with_the_classes_of_the_table(extracted):
    people = attributes.read(*extracted, "train", SIZE)
    rows = attribute_labels.rows(*extracted, "train")
    assert people.labels.tolist() == rows[list(HEADS)].to_numpy().tolist()
    assert torch.equal(people.images, tensors.decode(extracted[0], rows["path"].tolist(), SIZE))
    assert people.count == rows["pid"].nunique()


def test_an_empty_split_is_named(tmp_path):
    market = toy.write_market(tmp_path / "market")
    labels = toy.extract(toy.write_raw(tmp_path / "raw"), market, tmp_path / "labels", "annotations_train.csv")
    with pytest.raises(ValueError, match=r"nobody in split 'test' has an image in .*market"):
        attributes.read(market, labels, "test", SIZE)


def test_a_steps_terms_are_the_heads_losses_and_all_of_them_move_the_trunk(extracted):
    still = {"crop_probability": 0.0, "flip": "none", "erase_probability": 0.0}
    network = {**toy.NETWORK, "dropout": 0.0}
    step = make_step(extracted, network=network, augment={**toy.RECIPE["augment"], **still})
    step.model.train()
    batch = torch.tensor([0, 5, 9, 14, 20, 3, 30, 7])
    with torch.no_grad():
        logits = step.model(tensors.normalise_images(step.people.images[batch])).logits
    before = step.model.encoder.conv1.weight.detach().clone()
    terms = step(batch, torch.Generator().manual_seed(0))
    expected = weighted_by_loops(logits, step.people.labels[batch], attribute_labels.class_weights(extracted[1]))
    assert list(terms) == list(step.terms) == list(HEADS)
    assert {k: float(v) for k, v in terms.items()} == pytest.approx(expected, rel=1e-4)
    assert not torch.equal(step.model.encoder.conv1.weight, before)
    grads = {head: step.model.heads[head][1].weight.grad for head in HEADS}
    assert all(g is not None and g.abs().sum() > 0 for g in grads.values())


@pytest.mark.parametrize("batch", [1, 5, 64])
def test_validation_is_of_the_whole_split_whatever_the_batch(extracted, batch):
    step = make_step(extracted)
    step.batch = batch
    step.model.train()
    found = step.validate()
    held = step.held_out
    with torch.no_grad():
        logits = step.model.eval()(tensors.normalise_images(held.images)).logits
    expected = weighted_by_loops(logits, held.labels, attribute_labels.class_weights(extracted[1]))
    right = [
        int(logits[h][n].argmax() == held.labels[n, i]) for n in range(len(held.images)) for i, h in enumerate(HEADS)
    ]
    assert found["validation_loss"] == pytest.approx(sum(expected.values()), rel=1e-4)
    assert found["validation_accuracy"] == pytest.approx(sum(right) / len(right))


def test_nobody_held_out_is_in_a_batch(extracted):
    step = make_step(extracted)
    seen = torch.cat(step.batches(0, 0))
    assert len(seen) == len(set(seen.tolist()))
    assert seen.max() < len(step.people.images)
    trained, held = (set(attribute_labels.rows(*extracted, s)["pid"]) for s in ("train", "val"))
    assert not trained & held


def test_it_learns_what_shows(extracted):
    step = make_step(extracted, epochs=12)
    before = step.validate()
    for epoch in range(12):
        step.model.train()
        step.optimisations["main"].at(epoch, 0.0)
        for batch in step.batches(0, epoch):
            step(batch, torch.Generator().manual_seed(epoch))
    after = step.validate()
    assert after["validation_loss"] < before["validation_loss"]
    assert after["validation_accuracy"] > before["validation_accuracy"]


def test_a_run_killed_after_any_epoch_ends_the_same(extracted, monkeypatch):
    resume.check_every_epoch(lambda seed: make_step(extracted, seed, epochs=3), 3, monkeypatch)


def test_a_batch_larger_than_the_split_is_refused(extracted):
    people = attributes.read(*extracted, "train", SIZE)
    with pytest.raises(ValueError, match=rf"train_attributes\.batch: 900 is more than the {len(people.images)} images"):
        attributes.check(recipe(batch=900), people, "train_attributes")
    attributes.check(recipe(), people, "train_attributes")


def test_a_model_folder_is_loaded_as_it_was_saved_and_another_kind_is_refused(tmp_path):
    r = recipe()
    torch.manual_seed(1)
    model = AttributeClassifier(r.network, attributes.CLASSES)
    (tmp_path / "a").mkdir()
    checkpoint.save_model(tmp_path / "a", model, {"system": "attributes", "recipe": r}, None)
    loaded, network = attributes.load(tmp_path / "a")
    assert network == validate(toy.NETWORK, Network, "n")
    assert all(torch.equal(v, model.state_dict()[k]) for k, v in loaded.state_dict().items())
    (tmp_path / "b").mkdir()
    (tmp_path / "b/params.json").write_text(json.dumps({"system": "strong"}))
    with pytest.raises(ValueError, match=r"params\.json: no attribute classifier"):
        attributes.load(tmp_path / "b")
    with pytest.raises(FileNotFoundError, match="name a folder of train_attributes"):
        attributes.load(tmp_path)


def test_the_step_is_what_the_loop_takes(extracted):
    step = make_step(extracted)
    assert isinstance(step, reid.Step)
    assert step.validation == (attributes.WATCHED, "validation_accuracy")
