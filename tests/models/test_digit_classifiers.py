"""The digits' classifiers: their layers as told, the resize, shapes refused."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sanreid.models import digit_classifiers
from sanreid.models.digit_classifiers import DigitResNet, Perceptron
from sanreid.params import ParamsError, Section, validate

RESNET = {"kind": "resnet18", "side": 28, "stem": "small", "width": 4}


class Holder(Section):
    """A section that holds a shape."""

    network: digit_classifiers.Shape


def build(**shape) -> nn.Module:
    torch.manual_seed(0)
    return digit_classifiers.build(validate({"network": shape}, Holder, "model").network)


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_the_perceptron_is_two_layers_with_a_relu_between():
    model = build(kind="perceptron", hidden=7)
    assert isinstance(model, Perceptron)
    assert count(model) == 784 * 7 + 7 + 7 * 10 + 10
    x = torch.randn(3, 1, 28, 28)
    hidden = F.relu(x.reshape(3, 784) @ model.hidden.weight.T + model.hidden.bias)
    expected = hidden @ model.fc.weight.T + model.fc.bias
    torch.testing.assert_close(model(x).logits, expected)


def test_the_published_resnet_is_torchvisions_but_for_one_channel_and_ten_classes():
    from torchvision.models import resnet18

    theirs = resnet18(num_classes=10)
    ours = build(**RESNET | {"side": 224, "stem": "imagenet", "width": 64})
    assert count(ours) == count(theirs) - 2 * 64 * 49
    state = theirs.state_dict()
    state["conv1.weight"] = state["conv1.weight"].sum(1, keepdim=True)  # grey pictures in all three channels
    ours.load_state_dict(state)
    x = torch.randn(2, 1, 28, 28)
    large = F.interpolate(x, (224, 224), mode="bilinear", antialias=True)
    with torch.no_grad():
        expected = theirs.eval()(large.expand(-1, 3, -1, -1))
        torch.testing.assert_close(ours.eval()(x).logits, expected, rtol=1e-3, atol=1e-4)


def test_the_small_stem_keeps_the_picture_fine():
    model = build(**RESNET)
    assert isinstance(model, DigitResNet)
    assert model.stages(torch.randn(1, 1, 28, 28)).l1.shape == (1, 4, 28, 28)
    assert model(torch.randn(3, 1, 28, 28)).logits.shape == (3, 10)


@pytest.mark.parametrize(
    ("shape", "named"),
    [
        ({"kind": "resnet50"}, "tag 'resnet50'"),
        ({"kind": "perceptron", "hidden": 0}, "hidden"),
        (RESNET | {"side": 20}, "side"),
        (RESNET | {"stem": "large"}, "stem"),
        (RESNET | {"hidden": 3}, "hidden"),
    ],
)
def test_impossible_shapes_are_named(shape, named):
    with pytest.raises(ParamsError, match=rf"model\.network.*{named}"):
        build(**shape)
