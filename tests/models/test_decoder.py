"""The decoder against the plain-function reference: values, names, sizes and start."""

import pytest
import torch

from sanreid.models.backbones import StageMaps
from sanreid.models.decoder import Decoder
from tests.models import oracle

ENTRIES, CHANNELS = (4, 8, 16, 32), (10, 8, 6, 5, 4)


def maps(height: int = 8, width: int = 4, n: int = 2) -> StageMaps:
    g = torch.Generator().manual_seed(1)
    sizes = [(height * 4, width * 4), (height * 2, width * 2), (height, width), (height, width)]
    return StageMaps(*(torch.randn(n, c, *s, generator=g) for c, s in zip(ENTRIES, sizes, strict=True)))


@pytest.mark.parametrize(("upsamples", "texture"), [(4, 128), (3, 128), (3, 64), (4, 150)])
def test_equals_the_plain_functions(stir, upsamples, texture):
    model = stir(Decoder(ENTRIES, CHANNELS, upsamples, texture)).eval()
    with torch.no_grad():
        got = model(maps())
        expected = oracle.decode(model.state_dict(), list(maps()), upsamples, texture)
    for name, mine, theirs in zip(got._fields, got, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4, msg=lambda m, name=name: f"{name}: {m}")
    assert got.texture.std() > 0.05


def test_sizes_and_channels():
    x1, x2, x3, x4, texture = Decoder(ENTRIES, CHANNELS, 4, 128)(maps())
    assert [tuple(x.shape[1:]) for x in (x1, x2, x3, x4)] == [(8, 16, 8), (6, 32, 16), (5, 64, 32), (4, 128, 64)]
    assert texture.shape == (2, 3, 128, 128)
    assert Decoder(ENTRIES, CHANNELS, 3, 128)(maps()).x4.shape == (2, 4, 64, 32)


def test_the_released_names():
    bn = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    expected = {"final_layer.1.weight", "final_layer.1.bias"}
    for name in ("embed_layer1", "embed_layer2", "embed_layer3", "reduce_dim"):
        expected |= {f"{name}.0.weight", f"{name}.0.bias"} | {f"{name}.1.{k}" for k in bn}
    for up in ("up1", "up2", "up3", "up4"):
        expected |= {f"{up}.res.res.0.weight", f"{up}.res.res.3.weight", f"{up}.conv.2.weight", f"{up}.conv.2.bias"}
        expected |= {f"{up}.res.res.{i}.{k}" for i in (1, 4) for k in bn}
    for upsamples in (3, 4):
        assert set(Decoder(ENTRIES, CHANNELS, upsamples, 64).state_dict()) == expected


def test_the_texture_is_not_squashed(stir):
    """No activation at the end: values beyond [-1, 1] come out as they are."""
    model = stir(Decoder(ENTRIES, CHANNELS, 4, 128)).eval()
    with torch.no_grad():
        model.final_layer[1].bias += torch.tensor([5.0, -5.0, 0.0])
        texture = model(maps()).texture
    assert texture[:, 0].mean() > 2
    assert texture[:, 1].mean() < -2


def test_the_start_is_the_released_one():
    torch.manual_seed(0)
    model = Decoder((32, 64, 128, 256), (64, 64, 32, 16, 8), 4, 128)
    weight = model.state_dict()["up1.res.res.0.weight"]
    assert weight.std().item() == pytest.approx(0.02 * (2 / (2 * 64 * 9)) ** 0.5, rel=0.02)
    norms = torch.cat([m.weight for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)])
    assert norms.mean().item() == pytest.approx(1, abs=0.01)
    assert norms.std().item() == pytest.approx(0.02, rel=0.2)
    assert not any(v.any() for k, v in model.state_dict().items() if k.endswith("bias"))


def test_channels_last_gives_the_same(stir):
    model = stir(Decoder(ENTRIES, CHANNELS, 4, 128)).eval()
    with torch.no_grad():
        expected = model(maps()).texture
        last = StageMaps(*(m.contiguous(memory_format=torch.channels_last) for m in maps()))
        got = model.to(memory_format=torch.channels_last)(last).texture
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("channels", "upsamples"), [((1, 2, 3, 4), 4), (CHANNELS, 2)])
def test_other_shapes_are_refused_by_key(channels, upsamples):
    with pytest.raises(ValueError, match="decoder_channels: five numbers, decoder_upsamples: 3 or 4"):
        Decoder(ENTRIES, channels, upsamples, 64)
