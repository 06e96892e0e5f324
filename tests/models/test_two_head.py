"""The two-head network: which head gives what, crossed and not, and what is retrieved."""

import pytest
import torch

from sanreid.models.two_head import Architecture, TwoHead
from sanreid.params import validate
from tests.stages import toy_systems

NETWORK = {**toy_systems.NETWORK, "hidden": 6, "crossed": True, "retrieve": "pooled"}


def network(**changes) -> TwoHead:
    torch.manual_seed(0)
    return TwoHead(validate({**NETWORK, **changes}, Architecture, "network"), 5)


@pytest.mark.parametrize("crossed", [True, False])
def test_the_heads_are_crossed_as_asked(crossed):
    net, images = network(crossed=crossed), torch.randn(4, 3, 32, 16)
    out = net(images)
    pooled = net.encoder(images).l4.flatten(2).mean(2)
    identity, metric = (h[1](h[0](pooled)) for h in (net.id, net.metric))
    assert identity.shape == (4, 5)
    assert not torch.allclose(identity, metric)
    triplet, logits = (identity, metric) if crossed else (metric, identity)
    assert torch.allclose(out.triplet, triplet, atol=1e-5)
    assert torch.allclose(out.logits, logits, atol=1e-5)
    assert torch.allclose(out.feature, pooled, atol=1e-5)


def test_the_triplets_output_is_retrieved_where_asked():
    out = network(retrieve="triplet")(torch.randn(4, 3, 32, 16))
    assert torch.equal(out.feature, out.triplet)


def test_heads_have_one_shape_and_no_shared_weights():
    net = network()
    assert [tuple(p.shape) for p in net.id.parameters()] == [tuple(p.shape) for p in net.metric.parameters()]
    out = net(torch.randn(4, 3, 32, 16))
    out.triplet.sum().backward()
    assert all(p.grad is not None for p in net.id.parameters())
    assert all(p.grad is None for p in net.metric.parameters())
