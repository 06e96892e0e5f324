"""Every system on a backbone that is no ResNet: one training step each; and a new one is one small file."""

from typing import Any

import pytest
import torch
from torch import nn

from sanreid.models import attributes as attributes_network
from sanreid.models import backbones
from sanreid.models.families.family import Family, Layers, StageMaps
from sanreid.models.san import SAN
from sanreid.training import aligned, attributes, checkpoint, parameter_prefixes, reid, san, san_pg
from tests.stages import toy_attributes, toy_systems
from tests.stages import toy_san as toy
from tests.training import test_aligned, test_san, test_san_pg, test_strong, test_two_branch, test_two_head

MOBILE = {"backbone": "mobilenet_v2", "width": 1}


class Plain(Family):
    """Four convolutions: as little as a backbone can be."""

    starts = ("features.",)

    def layers(self, width: int, last_stride: int) -> Layers:
        sizes = (3, width, 2 * width, 4 * width, 8 * width)
        strides = zip(sizes[:-1], sizes[1:], (4, 2, 2, last_stride), strict=True)
        features = nn.Sequential(*(nn.Sequential(nn.Conv2d(a, b, 3, s, 1), nn.ReLU()) for a, b, s in strides))
        return Layers({"features": features}, (sizes[1], sizes[2], sizes[3], sizes[4]))

    def stages(self, trunk: Any, images: torch.Tensor) -> StageMaps:
        maps = [images]
        for block in trunk.features:
            maps.append(block(maps[-1]))
        return StageMaps(*maps[1:])


def own(system: str, shape: dict[str, Any]) -> Any:
    """A system's toy step on the backbone `shape`, and a batch for it."""
    network = {**toy_systems.NETWORK, **shape}
    if system == "strong":
        return test_strong.step(network=network)
    if system == "two_branch":
        return test_two_branch.step(network=network)
    if system == "two_head":
        return test_two_head.step(network={**test_two_head.NETWORK, **shape})
    if system == "aligned":
        p = test_aligned.plan(network={**network, "local": 6})
        return aligned.Step(test_aligned.cohort(p), test_aligned.people(), p)
    torch.manual_seed(0)
    if system == "san":
        v = test_san.variant(1.0, 0.7, 2.0, 0.3)
        return san.Step(SAN(toy.architecture(**shape), 3), test_san.data(), test_san.recipe(), v)
    if system == "san_pg":
        return san_pg.Step(SAN(toy.architecture(**shape), 1), test_san_pg.pairs(), test_san_pg.recipe())
    section = {**toy_attributes.RECIPE, "network": {**toy_attributes.NETWORK, **shape}}
    recipe = attributes.Recipe.model_validate(section)
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (12, 3, 32, 16), generator=random, dtype=torch.uint8)
    people = reid.People(images, torch.randint(0, 2, (12, len(attributes.HEADS)), generator=random), 3)
    weights = {head: [1.0] * classes for head, classes in attributes.CLASSES.items()}
    model = attributes_network.AttributeClassifier(recipe.network, attributes.CLASSES)
    return attributes.Step(model, people, people, weights, recipe)


SYSTEMS = ["san", "san_pg", "strong", "two_branch", "two_head", "aligned", "attributes"]


def moved(step: Any) -> dict[str, bool]:
    """By parameter that is trained: whether one update changed it."""
    step.model.train()
    before = {k: v.detach().clone() for k, v in step.model.named_parameters() if v.requires_grad}
    for optimisation in step.optimisations.values():
        optimisation.at(0, 0)
    terms = step(step.batches(0, 0)[0], torch.Generator().manual_seed(0))
    assert all(value.isfinite() for value in terms.values())
    after = dict(step.model.named_parameters())
    return {k: not torch.equal(v, after[k]) for k, v in before.items()}


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_mobilenet_is_trained_by_every_system(system):
    moves = {k: v for k, v in moved(own(system, MOBILE)).items() if k.startswith("encoder.features.")}
    assert len(moves) >= 156  # its 52 convolutions and their batch normalisations
    assert sum(moves.values()) > 0.9 * len(moves)  # a channel that ReLU6 shut gets no gradient


@pytest.mark.parametrize("system", ["san", "san_pg", "strong", "aligned"])
def test_a_further_backbone_is_one_family_and_one_line(system, monkeypatch):
    monkeypatch.setitem(backbones.FAMILIES, "plain", Plain())
    moves = moved(own(system, {"backbone": "plain", "width": 4}))
    assert [k for k, v in moves.items() if k.startswith("encoder.features.") and not v] == []


def test_what_a_backbone_does_not_tell_is_refused_by_key(monkeypatch):
    monkeypatch.setitem(backbones.FAMILIES, "plain", Plain())
    with pytest.raises(ValueError, match="backbone: a Plain has no fourth stage that could be there twice"):
        own("two_branch", {"backbone": "plain"})
    with pytest.raises(ValueError, match="backbone: there are no ImageNet weights for 'plain'"):
        toy.architecture(backbone="plain", pretrained="imagenet")


def test_every_backbones_layers_are_the_trunk_and_its_head_is_not():
    for name, family in backbones.FAMILIES.items():
        state = SAN(toy.architecture(backbone=name), 3).state_dict()
        trunk = {k.removeprefix("encoder.") for k in state if k.startswith(parameter_prefixes.TRUNK)}
        assert trunk == set(backbones.Backbone(name, 4).state_dict()), name
        assert all(k.startswith(family.starts) for k in trunk), name


def test_san_pgs_mobilenet_starts_a_system(tmp_path):
    arch = reid.Architecture.model_validate({**toy_systems.NETWORK, **MOBILE})
    source = SAN(toy.architecture(**MOBILE), 1)
    checkpoint.save_model(tmp_path, source, {}, None, only=parameter_prefixes.TRUNK + parameter_prefixes.DECODER)
    step = own("strong", MOBILE)
    begun = reid.start(step.model, arch, tmp_path)
    assert torch.equal(step.model.encoder.features[0][0].weight, source.encoder.features[0][0].weight)
    assert len(begun.report["matched"]) == 312
    with pytest.raises(ValueError, match=r"do not fit.*missing: encoder\.conv1\.weight, .* and \d+ more"):
        reid.start(test_strong.step().model, arch, tmp_path)
