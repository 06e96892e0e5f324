"""AlignedReID against plain functions of its state, and the cohort whose first network stands for itself."""

import pytest
import torch

from sanreid.models import aligned
from sanreid.params import validate
from tests.models import oracle
from tests.stages import toy_systems


def architecture(**changes) -> aligned.Architecture:
    return validate({**toy_systems.NETWORK, "local": 6, **changes}, aligned.Architecture, "network")


@pytest.mark.parametrize(("backbone", "depths"), [("resnet18", (2, 2, 2, 2)), ("resnet50", (3, 4, 6, 3))])
@pytest.mark.parametrize("last_stride", [1, 2])
def test_equals_the_plain_functions(stir, backbone, depths, last_stride):
    arch = architecture(backbone=backbone, last_stride=last_stride, height=64, width_px=32)
    model = stir(aligned.AlignedReID(arch, people=5)).eval()
    images = torch.randn(3, 3, 64, 32)
    state = {k.removeprefix("encoder."): v for k, v in model.state_dict().items()}
    with torch.no_grad():
        got = model(images)
        head = {"fc.0.weight": torch.ones(1, arch.trunk().channels[3]), "fc.0.bias": torch.zeros(1)}  # not looked at
        head |= {f"fc.1.{n}": torch.ones(1) for n in ("weight", "bias", "running_mean", "running_var")}
        no_head = {"classifier.weight": torch.ones(1, 1), "classifier.bias": torch.zeros(1)}
        last = oracle.encode(state | head | no_head, images, depths, last_stride)[2][-1]
        feature = last.sum((2, 3)) / (last.shape[2] * last.shape[3])
        logits = feature @ state["classifier.weight"].T + state["classifier.bias"]
        assert last.shape[2:] == ((4, 2) if last_stride == 1 else (2, 1))
        rows = last.sum(3) / last.shape[3]
        stripes = []
        for i in range(last.shape[2]):  # each stripe for itself
            vector = rows[:, :, i] @ state["local.0.weight"][:, :, 0, 0].T + state["local.0.bias"]
            stripes.append(torch.relu(oracle.norm(state, "local.1", vector)))
    torch.testing.assert_close(got.feature, feature, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(got.logits, logits, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(got.stripes, torch.stack(stripes, 1), rtol=1e-4, atol=1e-4)
    assert got.stripes.shape == (3, last.shape[2], 6)
    assert got.stripes.std() > 0.05  # the comparison is not one of zeros


def test_the_published_network_has_eight_stripes_of_128_and_2048_channels():
    arch = architecture(backbone="resnet50", width=64, last_stride=2, height=256, width_px=128, local=128)
    arch = arch.model_copy(update={"initialise": "scratch"})
    with torch.no_grad():
        out = aligned.AlignedReID(arch, people=3).eval()(torch.randn(1, 3, 256, 128))
    assert (out.feature.shape, out.logits.shape, out.stripes.shape) == ((1, 2048), (1, 3), (1, 8, 128))


def test_a_stripe_sees_its_own_row_of_the_map_alone(stir):
    model = stir(aligned.AlignedReID(architecture(), people=3)).eval()
    last = torch.randn(2, 32, 4, 2)
    moved = last.clone()
    moved[:, :, 2] += 1
    with torch.no_grad():
        one, other = (model.local(m.mean(3, keepdim=True))[..., 0].transpose(1, 2) for m in (last, moved))
    assert (one != other).any(2).tolist() == [[False, False, True, False]] * 2


def test_a_cohort_is_its_first_network_and_starts_differently_from_its_peers():
    torch.manual_seed(0)
    cohort = aligned.Cohort(architecture(), people=3, count=3)
    first, second, third = cohort.networks
    assert first is cohort
    plain = aligned.AlignedReID(architecture(), people=3)
    own = [k for k in cohort.state_dict() if not k.startswith(aligned.PEERS)]
    assert own == list(plain.state_dict())
    plain.load_state_dict({k: v for k, v in cohort.state_dict().items() if k in own})
    images = torch.randn(2, 3, 32, 16)
    with torch.no_grad():
        assert torch.equal(cohort.eval()(images).feature, plain.eval()(images).feature)
    assert not torch.equal(second.encoder.conv1.weight, third.encoder.conv1.weight)
    everything = [p for network in cohort.networks for p in aligned.own(network)]
    assert len({id(p) for p in everything}) == len(everything) == len(list(cohort.parameters()))
    assert len(aligned.own(first)) == len(list(plain.parameters()))
