"""Backbones against torchvision: same names, same shapes, same numbers; ImageNet weights offline."""

import hashlib
import re
import subprocess
import sys
from typing import Any, cast

import pytest
import torch
import torchvision
from torch import Tensor

from sanreid.models import backbones
from sanreid.models.backbones import Backbone, load_imagenet
from sanreid.models.families.mobilenet import MobileNetV2

NAMES = ("resnet18", "resnet34", "resnet50")


def theirs(name: str) -> torch.nn.Module:
    torch.manual_seed(7)
    return getattr(torchvision.models, name)(weights=None)


def stages(model, images: Tensor) -> list[Tensor]:
    x = model.maxpool(model.relu(model.bn1(model.conv1(images))))
    maps = []
    for layer in (model.layer1, model.layer2, model.layer3, model.layer4):
        x = layer(x)
        maps.append(x)
    return maps


@pytest.mark.parametrize("name", NAMES)
def test_torchvision_weights_load_by_name_and_give_its_maps(name):
    source = theirs(name).eval()
    ours = Backbone(name, last_stride=2).eval()
    state = {k: v for k, v in source.state_dict().items() if not k.startswith("fc.")}
    ours.load_state_dict(state, strict=True)
    images = torch.randn(1, 3, 64, 32)
    with torch.no_grad():
        for mine, expected in zip(ours(images), stages(source, images), strict=True):
            torch.testing.assert_close(mine, expected)


def test_last_stride_1_keeps_the_weights_and_doubles_the_last_map():
    torch.manual_seed(0)
    coarse, fine = Backbone("resnet18", 8, last_stride=2).eval(), Backbone("resnet18", 8, last_stride=1).eval()
    fine.load_state_dict(coarse.state_dict(), strict=True)
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        a, b = coarse(images), fine(images)
    assert [tuple(m.shape[1:]) for m in b] == [(8, 16, 8), (16, 8, 4), (32, 4, 2), (64, 4, 2)]
    assert a.l4.shape[2:] == (2, 1)
    torch.testing.assert_close(a.l3, b.l3)


@pytest.mark.parametrize(("name", "expected"), [("resnet18", (6, 12, 24, 48)), ("resnet50", (24, 48, 96, 192))])
def test_width_scales_every_stage(name, expected):
    model = Backbone(name, width=6)
    assert model.channels == expected
    assert tuple(m.shape[1] for m in model(torch.randn(2, 3, 32, 32))) == expected


def test_channels_last_gives_the_same_maps_in_that_layout():
    torch.manual_seed(0)
    model = Backbone("resnet18", 8).eval()
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        expected = model(images)
        got = model.to(memory_format=torch.channels_last)(images.contiguous(memory_format=torch.channels_last))
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert got.l2.is_contiguous(memory_format=torch.channels_last)


def test_an_unknown_name_is_refused_by_key():
    with pytest.raises(ValueError, match=r"backbone: 'resnet19'.*resnet18, resnet34, resnet50"):
        Backbone(cast(Any, "resnet19"))


class TestImageNet:
    def test_a_file_in_the_folder_is_loaded_without_internet(self, tmp_path, monkeypatch):
        monkeypatch.setattr(torch.hub, "download_url_to_file", None)
        source = theirs("resnet18")
        torch.save(source.state_dict(), tmp_path / "resnet18.pth")
        model = Backbone("resnet18")
        load_imagenet(model, "resnet18", tmp_path)
        for key, value in model.state_dict().items():
            assert torch.equal(value, source.state_dict()[key]), key

    def test_an_old_file_without_counters_loads(self, tmp_path):
        state = {k: v for k, v in theirs("resnet18").state_dict().items() if "num_batches" not in k}
        torch.save(state, tmp_path / "resnet18.pth")
        model = Backbone("resnet18")
        load_imagenet(model, "resnet18", tmp_path)
        assert torch.equal(model.conv1.weight, state["conv1.weight"])

    def test_without_file_and_internet_the_error_says_where_to_put_it(self, tmp_path, monkeypatch):
        def offline(url, path, **_):
            raise OSError("no route to host")

        monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
        with pytest.raises(FileNotFoundError) as caught:
            load_imagenet(Backbone("resnet18"), "resnet18", tmp_path / "weights")
        assert str(tmp_path / "weights" / "resnet18.pth") in str(caught.value)
        assert backbones.imagenet_url("resnet18") in str(caught.value)
        assert "pretrained: none" in str(caught.value)

    def test_the_download_is_asked_for_with_its_checksum_and_then_loaded(self, tmp_path, monkeypatch):
        source, asked = theirs("resnet18").state_dict(), []

        def fetch(url, path, hash_prefix=None, progress=True):
            asked.append((url, hash_prefix))
            torch.save(source, path)

        monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
        model = Backbone("resnet18")
        load_imagenet(model, "resnet18", tmp_path / "weights")
        assert asked == [("https://download.pytorch.org/models/resnet18-f37072fd.pth", "f37072fd")]
        assert torch.equal(model.conv1.weight, source["conv1.weight"])

    def test_the_report_has_hash_and_origin_of_loaded_weights(self, tmp_path, monkeypatch):
        source = theirs("resnet18").state_dict()
        file = tmp_path / "resnet18.pth"
        torch.save(source, file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        told = load_imagenet(Backbone("resnet18"), "resnet18", tmp_path)
        assert (told.file, told.sha256, told.origin) == (str(file), digest, None)  # these numbers are nobody's
        assert set(told.matched) == {k for k in source if not k.startswith("fc.")}
        assert told.left_out == ("fc.weight", "fc.bias")
        assert "unknown origin" in str(told)
        known = backbones.FAMILIES["resnet18"].imagenet._replace(files={digest[:8]: "ours"})
        monkeypatch.setattr(backbones.FAMILIES["resnet18"], "imagenet", known)
        assert load_imagenet(Backbone("resnet18"), "resnet18", tmp_path).origin == "ours"

    def test_a_mobilenet_is_known_by_its_tensors_too_and_make_weights_is_its_remedy(self, tmp_path, monkeypatch):
        with pytest.raises(FileNotFoundError, match=r"mobilenet_v2\.pth: not found; run `make weights`.*san\.pretr"):
            load_imagenet(Backbone("mobilenet_v2", 32), "mobilenet_v2", tmp_path, "san.pretrained: none")
        state = theirs("mobilenet_v2").state_dict()  # with torchvision's head and counters
        torch.save(state, tmp_path / "mobilenet_v2.pth")
        model = Backbone("mobilenet_v2", 32)
        told = load_imagenet(model, "mobilenet_v2", tmp_path)
        assert (told.origin, told.left_out) == (None, ("classifier.1.weight", "classifier.1.bias"))
        assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
        known = MobileNetV2.imagenet._replace(tensors={backbones.fingerprint(model.state_dict()): "ours"})
        monkeypatch.setattr(MobileNetV2, "imagenet", known)
        assert load_imagenet(model, "mobilenet_v2", tmp_path).origin == "ours"
        state["features.0.0.weight"][0, 0, 0, 0] = float("nan")
        torch.save(state, tmp_path / "mobilenet_v2.pth")
        with pytest.raises(ValueError, match=r"'features\.0\.0\.weight' holds nan.*delete it and run `make weights`"):
            load_imagenet(model, "mobilenet_v2", tmp_path)

    @pytest.mark.parametrize("name", [*NAMES, "mobilenet_v2"])
    def test_the_published_files_are_those_of_torchvision(self, name):
        urls = {w.name: w.url for w in torchvision.models.get_model_weights(name)}
        known = backbones.FAMILIES[name].imagenet.files
        assert {d: f"torchvision, {v}" for v, u in urls.items() for d in known if u.endswith(f"-{d}.pth")} == known

    @pytest.mark.parametrize("name", NAMES)
    def test_every_backbone_names_a_file_with_its_checksum(self, name):
        assert re.fullmatch(
            rf"https://download\.pytorch\.org/models/{name}-[0-9a-f]{{8}}\.pth", backbones.imagenet_url(name)
        )

    def test_a_file_is_fetched_whole_or_not_at_all(self, tmp_path, monkeypatch):
        source, folder = theirs("resnet18").state_dict(), tmp_path / "weights"
        file = tmp_path / "published.pth"
        torch.save(source, file)
        checksum = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
        for given in ("00000000", checksum):
            file = file.rename(tmp_path / f"resnet18-{given}.pth")
            url = file.as_uri()
            monkeypatch.setattr(backbones, "imagenet_url", lambda _, url=url: url)
            model = Backbone("resnet18")
            if given == checksum:
                load_imagenet(model, "resnet18", folder)
                assert all(torch.equal(v, source[k]) for k, v in model.state_dict().items())
                assert [f.name for f in folder.iterdir()] == ["resnet18.pth"]
            else:
                with pytest.raises(FileNotFoundError, match=r"resnet18\.pth: not found.*invalid hash"):
                    load_imagenet(model, "resnet18", folder)
                assert list(folder.iterdir()) == []

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path):
        (tmp_path / "data").write_text("a file")
        with pytest.raises(FileNotFoundError, match=r"data/weights/resnet18\.pth: not found"):
            load_imagenet(Backbone("resnet18"), "resnet18", tmp_path / "data" / "weights")

    def test_a_file_cut_off_is_refused(self, tmp_path):
        file = tmp_path / "resnet18.pth"
        torch.save(theirs("resnet18").state_dict(), file)
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        with pytest.raises(ValueError, match=r"resnet18\.pth: not a state dict that loads safely.*delete it"):
            load_imagenet(Backbone("resnet18"), "resnet18", tmp_path)

    @pytest.mark.parametrize(
        ("spoil", "message"),
        [
            (lambda s: s.pop("bn1.weight"), r"missing \['bn1.weight'\]"),
            (lambda s: s.update(extra=torch.zeros(1)), r"unexpected \['extra'\]"),
            (lambda s: s.update({"conv1.weight": torch.zeros(3, 3)}), r"other shape \['conv1.weight'\]"),
        ],
    )
    def test_a_file_of_another_network_is_refused_by_its_keys(self, tmp_path, spoil, message):
        state = theirs("resnet18").state_dict()
        spoil(state)
        torch.save(state, tmp_path / "resnet18.pth")
        model = Backbone("resnet18")
        before = model.conv1.weight.clone()
        with pytest.raises(ValueError, match=message):
            load_imagenet(model, "resnet18", tmp_path)
        assert torch.equal(model.conv1.weight, before)

    def test_a_file_that_is_no_state_dict_is_refused(self, tmp_path):
        (tmp_path / "resnet18.pth").write_bytes(b"<html>404</html>")
        with pytest.raises(ValueError, match=r"resnet18\.pth: not a state dict that loads safely"):
            load_imagenet(Backbone("resnet18"), "resnet18", tmp_path)


def test_building_a_network_imports_no_compiler():
    """Nor do a training's pieces before its first step; torchvision would: four seconds at each start of a stage."""
    unwanted = "{'torchvision', 'torch._dynamo'} & set(sys.modules)"
    code = f"import sys, sanreid.models.san, sanreid.training.loop; print({unwanted})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
