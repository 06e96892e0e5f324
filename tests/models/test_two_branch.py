"""The two-branch network: what is shared, what each branch pools, and how its second stage 4 starts."""

import pytest
import torch
from torch import nn

from sanreid.models.reid import Architecture
from sanreid.models.two_branch import TwoBranch
from sanreid.params import validate
from tests.stages import toy_systems


def network(people: int = 5, **changes) -> TwoBranch:
    torch.manual_seed(0)
    return TwoBranch(validate({**toy_systems.NETWORK, **changes}, Architecture, "network"), people)


@pytest.mark.parametrize(("backbone", "blocks"), [("resnet18", (2, 3)), ("resnet50", (3, 4))])
def test_the_max_branch_has_one_block_more(backbone, blocks):
    net = network(backbone=backbone)
    assert (len(net.encoder.layer4), len(net.layer4_max)) == blocks


@pytest.mark.parametrize("last_stride", [1, 2])
def test_branches_pool_their_own_stage_over_shared_ones(last_stride):
    net, images = network(last_stride=last_stride, width_px=32).eval(), torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        out = net(images)
        e = net.encoder
        shared = e.layer3(e.layer2(e.layer1(e.maxpool(e.relu(e.bn1(e.conv1(images)))))))
        average = e.layer4(shared).flatten(2).mean(2)
        largest = net.layer4_max(shared).flatten(2).max(2).values
        assert torch.allclose(out.average.feature, average, atol=1e-5)
        assert torch.allclose(out.max.feature, largest, atol=1e-5)
        assert torch.equal(out.feature, torch.cat([out.average.feature, out.max.feature], 1))
        for branch, neck, classifier in (
            (out.average, net.neck_average, net.classifier_average),
            (out.max, net.neck_max, net.classifier_max),
        ):
            assert torch.allclose(branch.logits, classifier(neck(branch.feature)), atol=1e-5)
            assert branch.logits.shape == (3, 5)


def test_the_second_stage_starts_as_the_first_and_goes_its_own_way():
    net = network()
    last = {k: v.clone() for k, v in net.layer4_max[-1].state_dict().items()}
    net.copy_stage()
    for mine, theirs in zip(net.layer4_max, net.encoder.layer4, strict=False):
        assert all(torch.equal(v, theirs.state_dict()[k]) for k, v in mine.state_dict().items())
    assert all(torch.equal(v, last[k]) for k, v in net.layer4_max[-1].state_dict().items())
    with torch.no_grad():
        net.layer4_max[0].conv1.weight.add_(1)
    assert not torch.equal(net.layer4_max[0].conv1.weight, net.encoder.layer4[0].conv1.weight)


def test_each_loss_reaches_its_branch_and_the_shared_stages():
    net = network()
    out = net(torch.randn(4, 3, 32, 16))
    nn.functional.cross_entropy(out.max.logits, torch.tensor([0, 1, 2, 3])).backward()
    assert net.layer4_max[0].conv1.weight.grad is not None
    assert net.encoder.layer3[0].conv1.weight.grad is not None
    assert net.encoder.layer4[0].conv1.weight.grad is None
