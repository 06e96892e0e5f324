"""The strong baseline's network: what is before the neck, what is behind it, and what is not trained."""

import torch

from sanreid.models.reid import Architecture
from sanreid.models.strong import Strong
from sanreid.params import validate
from tests.stages import toy_systems


def network(people: int = 5) -> Strong:
    torch.manual_seed(0)
    return Strong(validate(toy_systems.NETWORK, Architecture, "network"), people)


def test_the_feature_is_the_necks_and_the_logits_come_from_it():
    net, images = network(), torch.randn(6, 3, 32, 16)
    out = net(images)
    pooled = net.encoder(images).l4.flatten(2).mean(2)
    assert torch.allclose(out.pooled, pooled, atol=1e-6)
    assert out.feature.shape == (6, net.encoder.channels[3])
    normed = (pooled - pooled.mean(0)) / (pooled.var(0, unbiased=False) + 1e-5).sqrt()
    assert torch.allclose(out.feature, normed, atol=1e-4)
    assert torch.allclose(out.logits, out.feature @ net.classifier.weight.T, atol=1e-5)
    assert out.logits.shape == (6, 5)


def test_the_neck_has_no_shift_and_the_classifier_no_bias():
    net = network()
    assert net.classifier.bias is None
    assert [n for n, p in net.named_parameters() if not p.requires_grad] == ["neck.bias"]
    assert not net.neck.bias.any()


def test_in_evaluation_the_feature_depends_on_no_other_image():
    net, images = network().eval(), torch.randn(4, 3, 32, 16)
    with torch.no_grad():
        assert torch.allclose(net(images).feature[:1], net(images[:1]).feature, atol=1e-6)
