"""MobileNetV2 against torchvision: same names, same numbers, same channels; its maps' sizes; the decoder on top."""

import pytest
import torch
import torchvision
from torch import Tensor

from sanreid.models.backbones import Backbone
from sanreid.models.encoder import Encoder
from sanreid.models.families.mobilenet import eights
from sanreid.models.san import SAN

ENDS = (4, 7, 14, 19)


def theirs(width_mult: float = 1.0) -> torch.nn.Module:
    torch.manual_seed(7)
    return torchvision.models.mobilenet_v2(weights=None, width_mult=width_mult)


def maps(model, images: Tensor) -> list[Tensor]:
    x, found = images, []
    for i, block in enumerate(model.features, 1):
        x = block(x)
        if i in ENDS:
            found.append(x)
    return found


@pytest.mark.parametrize("width", [16, 32])
def test_torchvisions_weights_load_by_name_and_give_its_maps(stir, width):
    source = stir(theirs(width / 32)).eval()
    ours = Backbone("mobilenet_v2", width, last_stride=2).eval()
    state = {k: v for k, v in source.state_dict().items() if not k.startswith("classifier.")}
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict(state, strict=True)
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        for mine, expected in zip(ours(images), maps(source, images), strict=True):
            torch.testing.assert_close(mine, expected)
            assert expected.std() > 0.01  # the comparison is not one of zeros


def test_the_start_is_drawn_as_torchvisions():
    """Of the same distribution: by the outputs' number, which a depthwise convolution has few of."""
    torch.manual_seed(0)
    ours, source = Backbone("mobilenet_v2", 32).state_dict(), theirs().state_dict()
    for name in ("features.5.conv.1.0.weight", "features.18.0.weight"):
        assert ours[name].std().item() == pytest.approx(source[name].std().item(), rel=0.1)


@pytest.mark.parametrize("width", [1, 4, 8, 45, 64])
def test_other_widths_have_torchvisions_channels(width):
    source = torchvision.models.mobilenet_v2(weights=None, width_mult=width / 32).state_dict()
    ours = Backbone("mobilenet_v2", width).state_dict()
    assert {k: v.shape for k, v in ours.items()} == {
        k: v.shape for k, v in source.items() if not k.startswith("classifier.")
    }


@pytest.mark.parametrize(
    ("size", "last_stride"), [((256, 128), 1), ((256, 128), 2), ((128, 64), 1), ((64, 32), 2), ((32, 16), 1)]
)
def test_the_maps_are_a_quarter_to_a_sixteenth_of_the_picture_or_half_of_that(size, last_stride):
    model = Backbone("mobilenet_v2", 4, last_stride).eval()
    with torch.no_grad():
        got = model(torch.randn(1, 3, *size))
    strides = (4, 8, 16, 16 * last_stride)
    assert [tuple(m.shape[2:]) for m in got] == [(size[0] // s, size[1] // s) for s in strides]
    assert tuple(m.shape[1] for m in got) == model.channels
    assert Backbone("mobilenet_v2", 32).channels == (24, 32, 96, 1280)


def test_last_stride_1_keeps_the_weights_and_what_comes_before():
    torch.manual_seed(0)
    coarse, fine = (Backbone("mobilenet_v2", 8, stride).eval() for stride in (2, 1))
    fine.load_state_dict(coarse.state_dict(), strict=True)
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        a, b = coarse(images), fine(images)
    torch.testing.assert_close(a.l3, b.l3)
    assert (a.l4.shape[2:], b.l4.shape[2:]) == ((2, 1), (4, 2))


def test_the_encoder_and_the_decoder_stand_on_it(architecture):
    torch.manual_seed(0)
    model = SAN(architecture(backbone="mobilenet_v2", width=32), 5)
    out = model(torch.randn(2, 3, 64, 32))
    assert out.decoded is not None
    assert out.decoded.texture.shape == (2, 3, 64, 64)
    assert out.feature.shape == (2, 8)
    (out.decoded.texture.square().sum() + out.logits.square().sum()).backward()
    named = dict(model.named_parameters())
    assert named["encoder.features.0.0.weight"].grad.abs().sum() > 0
    assert [n for n, p in named.items() if p.grad is None] == []
    trunk = {k for k in Encoder("mobilenet_v2", 5).state_dict() if k.startswith("features.")}
    assert trunk == set(Backbone("mobilenet_v2").state_dict())


def test_channels_round_as_published():
    assert [eights(c) for c in (1, 4, 11, 12, 18, 19, 24, 35.9)] == [8, 8, 16, 16, 24, 24, 24, 40]
