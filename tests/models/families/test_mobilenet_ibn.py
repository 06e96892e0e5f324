"""Half of the early channels are normalised by picture, in plain loops; all else, weights too, is MobileNetV2's."""

import pytest
import torch

from sanreid.models.backbones import Backbone, load_imagenet
from sanreid.models.families.mobilenet_ibn import half_normalised


def test_half_of_the_channels_are_normalised_by_plain_loops():
    x = torch.randn(3, 5, 4, 2) * 3 + 1
    expected = x.clone()
    for n in range(3):
        for c in range(2):
            mean = sum(v.item() for v in x[n, c].flatten()) / 8
            variance = sum((v.item() - mean) ** 2 for v in x[n, c].flatten()) / 8
            expected[n, c] = (x[n, c] - mean) / (variance + 1e-5) ** 0.5
    torch.testing.assert_close(half_normalised(x), expected)


def test_the_maps_are_mobilenets_with_the_first_two_normalised():
    plain, ours = Backbone("mobilenet_v2", 8).eval(), Backbone("mobilenet_v2_ibn", 8).eval()
    ours.load_state_dict(plain.state_dict(), strict=True)
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        l1 = half_normalised(plain(images).l1)
        l2 = half_normalised(plain.features[4:7](l1))
        l3 = plain.features[7:14](l2)
        for mine, expected in zip(ours(images), (l1, l2, l3, plain.features[14:](l3)), strict=True):
            torch.testing.assert_close(mine, expected)
    assert ours.channels == plain.channels


def test_imagenets_weights_are_those_of_mobilenet(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"mobilenet_v2\.pth: not found; run `make weights`"):
        load_imagenet(Backbone("mobilenet_v2_ibn", 32), "mobilenet_v2_ibn", tmp_path)
    torch.save(Backbone("mobilenet_v2", 32).state_dict(), tmp_path / "mobilenet_v2.pth")
    told = load_imagenet(Backbone("mobilenet_v2_ibn", 32), "mobilenet_v2_ibn", tmp_path)
    assert len(told.matched) == 312
    assert told.left_out == ()
