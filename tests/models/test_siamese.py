"""The Siamese network of digits: its layers as told, shapes, dropout in training alone."""

import pytest
import torch
from torch import nn

from sanreid.models.siamese import Network, Siamese
from sanreid.params import ParamsError, validate

SECTION = {"channels": [64, 512], "kernel": 3, "pooled": 1, "dropout": 0.1, "embedding": 16}


def net(**changes) -> Siamese:
    torch.manual_seed(0)
    return Siamese(validate({**SECTION, **changes}, Network, "network"))


def test_the_layers_are_the_sources():
    kinds = [type(m) for m in net().features if not isinstance(m, nn.ReLU)]
    assert kinds == [nn.Conv2d, nn.MaxPool2d, nn.Conv2d, nn.Dropout, nn.AdaptiveMaxPool2d]
    count = sum(p.numel() for p in net().parameters())
    assert count == (9 * 64 + 64) + (9 * 64 * 512 + 512) + (512 * 16 + 16)


@pytest.mark.parametrize(("changes", "size"), [({}, 16), ({"embedding": 128, "pooled": 3, "kernel": 5}, 128)])
def test_any_number_and_size_of_images_becomes_embeddings(changes, size):
    model = net(channels=[4, 8], **changes).eval()
    for n, side in ((1, 28), (3, 32)):
        assert model(torch.randn(n, 1, side, side)).embedding.shape == (n, size)


def test_dropout_acts_in_training_alone():
    model, images = net(channels=[4, 8], dropout=0.5), torch.randn(2, 1, 28, 28)
    assert not torch.equal(model(images).embedding, model(images).embedding)
    model.eval()
    assert torch.equal(model(images).embedding, model(images).embedding)


@pytest.mark.parametrize(("key", "value"), [("dropout", 1.0), ("embedding", 0), ("channels", [64]), ("pool", 2)])
def test_impossible_shapes_are_named(key, value):
    with pytest.raises(ParamsError, match=rf"network\.{key}"):
        net(**{key: value})
