"""The attribute classifier: its heads' shapes, its dropout, its names."""

import pytest
import torch
from torch import nn

from sanreid.data.attributes import HEADS
from sanreid.models.attributes import AttributeClassifier, Network
from sanreid.params import ParamsError, validate
from tests.stages import toy_attributes as toy

CLASSES = {head: len(classes) for head, classes in HEADS.items()}


def network(**changes):
    return validate({**toy.NETWORK, **changes}, Network, "network")


def test_each_head_is_dropout_and_one_linear_layer_on_the_pooled_map():
    torch.manual_seed(0)
    model = AttributeClassifier(network(), CLASSES).eval()
    images = torch.randn(3, 3, 32, 16)
    with torch.no_grad():
        out = model(images)
        pooled = model.encoder(images).l4.mean((2, 3))
    assert torch.equal(out.feature, pooled)
    assert {head: tuple(v.shape) for head, v in out.logits.items()} == {h: (3, n) for h, n in CLASSES.items()}
    state = model.state_dict()
    for head in HEADS:
        dropout, linear = model.heads[head]
        assert isinstance(dropout, nn.Dropout)
        assert dropout.p == 0.2
        assert isinstance(linear, nn.Linear)
        weight, bias = state[f"heads.{head}.1.weight"], state[f"heads.{head}.1.bias"]
        torch.testing.assert_close(out.logits[head], pooled @ weight.T + bias)


def test_dropout_is_drawn_for_each_head_apart_and_only_in_training():
    torch.manual_seed(0)
    model = AttributeClassifier(network(dropout=0.5), {"a": 4, "b": 4})
    for parameter, value in zip(model.heads["a"][1].parameters(), model.heads["b"][1].parameters(), strict=True):
        parameter.data.copy_(value.data)
    images = torch.randn(2, 3, 32, 16)
    out = model(images).logits
    assert not torch.equal(out["a"], out["b"])
    out = model.eval()(images).logits
    assert torch.equal(out["a"], out["b"])


def test_a_dropout_of_everything_is_refused():
    with pytest.raises(ParamsError, match=r"network\.dropout"):
        network(dropout=1.0)
