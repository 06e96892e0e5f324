"""The encoder against the plain-function reference, and its names and start."""

import pytest
import torch
from torchvision.models import resnet18

from sanreid.models.encoder import Encoder
from tests.models import oracle


@pytest.mark.parametrize(("name", "depths"), [("resnet18", (2, 2, 2, 2)), ("resnet50", (3, 4, 6, 3))])
@pytest.mark.parametrize("last_stride", [1, 2])
def test_equals_the_plain_functions(stir, name, depths, last_stride):
    model = stir(Encoder(name, people=7, width=4, last_stride=last_stride, fc=9)).eval()
    images = torch.randn(3, 3, 64, 32)
    with torch.no_grad():
        got = model(images)
        feature, logits, maps = oracle.encode(model.state_dict(), images, depths, last_stride)
    assert got.feature.shape == (3, 9)
    assert got.logits.shape == (3, 7)
    torch.testing.assert_close(got.feature, feature, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(got.logits, logits, rtol=1e-4, atol=1e-4)
    for mine, expected in zip(got.maps, maps, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-4, atol=1e-4)
    assert feature.std() > 0.05  # the comparison is not one of zeros


def test_the_names_are_torchvisions_and_the_released_head():
    ours = set(Encoder("resnet18", people=7).state_dict())
    theirs = {k for k in resnet18(weights=None).state_dict() if not k.startswith("fc.")}
    head = {f"fc.1.{n}" for n in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")}
    assert ours == theirs | head | {"fc.0.weight", "fc.0.bias", "classifier.weight", "classifier.bias"}


def test_the_feature_is_after_relu_and_not_normalised(stir):
    model = stir(Encoder("resnet18", people=3, width=4, fc=32)).eval()
    with torch.no_grad():
        feature = model(torch.randn(8, 3, 64, 32)).feature
    assert (feature >= 0).all()
    assert (feature == 0).any()
    assert feature.norm(dim=1).std() > 1e-3


def test_the_head_starts_small():
    torch.manual_seed(0)
    model = Encoder("resnet18", people=200, width=16, fc=128)
    for weight in (model.state_dict()["fc.0.weight"], model.classifier.weight):
        assert weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert not model.classifier.bias.any()
