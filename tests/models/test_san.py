"""SAN as a whole: equal to the reference at both scales, one output type, checks that name the key."""

import pytest
import torch
import torchvision

from sanreid.models import san
from sanreid.models.san import SAN
from sanreid.params import ParamsError, validate
from tests.models import oracle


def compare(model: SAN, depths, images) -> None:
    arch = model.architecture
    assert model.decoder is not None
    with torch.no_grad():
        got = model(images)
        feature, logits, maps = oracle.encode(model.encoder.state_dict(), images, depths, arch.last_stride)
        decoded = oracle.decode(model.decoder.state_dict(), maps, arch.decoder_upsamples, arch.texture)
    torch.testing.assert_close(got.feature, feature, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(got.logits, logits, rtol=1e-4, atol=1e-4)
    for mine, expected in zip(got.decoded, decoded, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-4, atol=1e-4)
        assert 0.05 < expected.std() < 20


@pytest.mark.parametrize("upsamples", [3, 4])
def test_equals_the_plain_functions(stir, architecture, upsamples):
    model = stir(SAN(architecture(decoder_upsamples=upsamples), 5)).eval()
    compare(model, (2, 2, 2, 2), torch.randn(3, 3, 64, 32))


@pytest.mark.slow
def test_equals_the_plain_functions_at_paper_scale(stir, architecture):
    model = stir(SAN(architecture(paper=True), 767)).eval()
    compare(model, (3, 4, 6, 3), torch.randn(1, 3, 256, 128))
    with torch.no_grad():
        output = model(torch.randn(1, 3, 256, 128))
    assert [tuple(m.shape[1:]) for m in output.maps] == [(256, 64, 32), (512, 32, 16), (1024, 16, 8), (2048, 16, 8)]
    shapes = [tuple(x.shape[1:]) for x in output.decoded]
    assert shapes == [(256, 32, 16), (64, 64, 32), (32, 128, 64), (16, 256, 128), (3, 256, 256)]


def test_one_output_type_in_every_mode(architecture):
    images = torch.randn(2, 3, 64, 32)
    model = SAN(architecture(), 5)
    for output in (model(images), model(images, texture=False), SAN(architecture(), 5, decoder=False)(images)):
        assert isinstance(output, san.SANOutput)
        assert output.feature.shape == (2, 8)
        assert output.logits.shape == (2, 5)
    assert model(images, texture=True).decoded.texture.shape == (2, 3, 64, 64)
    assert model(images, texture=False).decoded is None
    assert SAN(architecture(), 5, decoder=False)(images).decoded is None


def test_reconstruct_is_the_same_texture_and_leaves_the_head_alone(architecture):
    torch.manual_seed(0)
    model = SAN(architecture(), 5)
    images = torch.randn(4, 3, 64, 32)
    model.eval()
    with torch.no_grad():
        torch.testing.assert_close(model.reconstruct(images).texture, model(images).decoded.texture)
    model.train()
    before = {k: v.clone() for k, v in model.encoder.fc.state_dict().items()}
    model.reconstruct(images).texture.sum().backward()
    assert all(torch.equal(v, before[k]) for k, v in model.encoder.fc.state_dict().items())
    assert model.encoder.fc[0].weight.grad is None
    assert model.encoder.conv1.weight.grad is not None
    assert model.encoder.conv1.weight.grad.any()


def test_reconstruct_without_a_decoder_says_so(architecture):
    with pytest.raises(ValueError, match="without a decoder"):
        SAN(architecture(), 5, decoder=False).reconstruct(torch.randn(2, 3, 64, 32))


def test_both_losses_reach_the_encoder(architecture):
    model = SAN(architecture(), 5)
    output = model(torch.randn(4, 3, 64, 32))
    a = torch.autograd.grad(output.logits.square().sum(), model.encoder.conv1.weight, retain_graph=True)[0]
    b = torch.autograd.grad(output.decoded.texture.square().sum(), model.encoder.conv1.weight)[0]
    assert a.abs().sum() > 0
    assert b.abs().sum() > 0


MOBILE = {"backbone": "mobilenet_v2", "width": 16, "pretrained": "imagenet"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"height": 72}, "height: 72 is not a multiple of 16"),
        ({"width_px": 40}, "width_px: 40 is not a multiple of 16"),
        ({"height": 80, "last_stride": 2, "texture": 80}, "height: 80 is not a multiple of 32"),
        ({"texture": 63}, r"texture: 63 is out of reach.*take 64 to 128"),
        ({"texture": 129}, r"texture: 129 is out of reach.*take 64 to 128"),
        ({"texture": 65, "decoder_upsamples": 3}, r"texture: 65 is out of reach.*take 32 to 64"),
        ({"pretrained": "imagenet"}, "pretrained: ImageNet weights fit width 64, not 4"),
        (MOBILE, "pretrained: ImageNet weights fit width 32, not 16; set pretrained: none"),
        ({"decoder_upsamples": 2}, "decoder_upsamples"),
        ({"decoder_channels": (1, 2, 3, 4)}, "decoder_channels"),
        ({"backbone": "vgg"}, "backbone"),
        ({"wdith": 3}, "wdith"),
    ],
)
def test_a_shape_that_cannot_be_built_is_refused_by_key(architecture, changes, message):
    with pytest.raises(ValueError, match=message):
        architecture(**changes)


def test_the_section_reads_yaml_lists(architecture):
    values = architecture().model_dump(mode="json")
    assert isinstance(values["decoder_channels"], list)
    assert validate(values, san.Architecture, "params.yaml: san") == architecture()
    with pytest.raises(ParamsError, match=r"params.yaml: san.fc"):
        validate(values | {"fc": "8"}, san.Architecture, "params.yaml: san")


def test_a_decoder_needs_last_stride_1(architecture):
    with pytest.raises(ValueError, match="last_stride: the decoder"):
        SAN(architecture(last_stride=2), 5)
    SAN(architecture(last_stride=2), 5, decoder=False)


def test_create_starts_from_imagenet_only_where_asked(architecture, tmp_path):
    source = torchvision.models.resnet18(weights=None).state_dict()
    torch.save(source, tmp_path / "resnet18.pth")
    wanted = san.create(architecture(width=64, pretrained="imagenet"), 5, weights=tmp_path)
    assert torch.equal(wanted.encoder.state_dict()["layer4.1.conv2.weight"], source["layer4.1.conv2.weight"])
    assert wanted.encoder.fc[0].weight.shape == (8, 512)
    told = san.begin(architecture(width=64, pretrained="imagenet"), 5, weights=tmp_path)[1]
    assert (told["initialise"], told["pretrained"]) == ("scratch", "imagenet")
    assert told["file"] == str(tmp_path / "resnet18.pth")
    assert len(told["sha256"]) == 64
    assert san.begin(architecture(), 5)[1] == {"initialise": "scratch", "pretrained": "none"}
    other = san.create(architecture(width=64), 5, weights=tmp_path)
    assert not torch.equal(other.encoder.conv1.weight, source["conv1.weight"])


def test_the_start_is_a_function_of_the_seed(architecture):
    def first(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return SAN(architecture(), 5).state_dict()["decoder.up1.conv.2.weight"]

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))
