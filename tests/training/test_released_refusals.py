"""Files that are no released checkpoint, and models that cannot be one: each refusal names the file and lists all."""

import sys

import pytest
import torch
from torch import nn

from sanreid.models.san import SAN
from sanreid.training import released
from sanreid.training.checkpoint import load_released, save_released
from tests.training import released_file as theirs


@pytest.fixture
def file(tmp_path):
    """Where to write; removed at once, since pytest would keep hundreds of megabytes."""
    path = tmp_path / "checkpoint_ep300.pth.tar"
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def shapes():
    return theirs.encoder(5), theirs.decoder()


def test_tensors_that_do_not_fit_are_all_listed(shapes, file):
    encoder, decoder = (theirs.hollow(s) for s in shapes)
    gone = [k for k in encoder if k.startswith("layer4.") and "num_batches" not in k]
    for name in gone:
        del encoder[name]
    encoder["fc.0.weight"] = torch.zeros(256, 2048)
    encoder["conv1.weight"] = encoder["conv1.weight"].half()
    decoder["up5.conv.2.bias"] = torch.zeros(8)
    decoder["final_layer.1.weight"] = torch.zeros(3, 16, 3, 3)
    with pytest.raises(ValueError, match=r"checkpoint_ep300\.pth\.tar: not the released network") as caught:
        load_released(theirs.write(file, encoder, decoder))
    assert len(gone) == 50
    lines = str(caught.value).splitlines()[1:]
    assert lines == [
        "  state_dict: missing: " + ", ".join(gone),
        "  state_dict: of another shape: conv1.weight float16 [64, 3, 7, 7] for float32 [64, 3, 7, 7], "
        "fc.0.weight float32 [256, 2048] for float32 [512, 2048]",
        "  decoder_state_dict: unexpected: up5.conv.2.bias",
        "  decoder_state_dict: of another shape: final_layer.1.weight float32 [3, 16, 3, 3] for float32 [3, 16, 7, 7]",
    ]


@pytest.mark.parametrize(
    "names", [["classifier.weight"], ["classifier.bias"], ["classifier.weight", "classifier.bias"]]
)
def test_a_missing_classifier_is_named_and_nothing_else(shapes, file, names):
    encoder = theirs.hollow(shapes[0])
    for name in names:
        del encoder[name]
    with pytest.raises(ValueError, match="not the released network") as caught:
        load_released(theirs.write(file, encoder, None))
    assert str(caught.value).splitlines()[1:] == [f"  state_dict: missing: {', '.join(names)}"]


def test_a_classifier_at_odds_with_itself_is_named(shapes, file):
    encoder = theirs.hollow(shapes[0]) | {"classifier.bias": torch.zeros(4)}
    with pytest.raises(ValueError, match=r"classifier\.bias float32 \[4\] for float32 \[5\]"):
        load_released(theirs.write(file, encoder, None))


def test_a_prefix_on_some_names_is_none(shapes, file):
    encoder = theirs.hollow(shapes[0])
    encoder["module.conv1.weight"] = encoder.pop("conv1.weight")
    with pytest.raises(ValueError, match="not the released network") as caught:
        load_released(theirs.write(file, encoder, None))
    assert "missing: conv1.weight\n" in str(caught.value)
    assert "unexpected: module.conv1.weight" in str(caught.value)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: {"state_dict": m, "rank1": 0.5, "epoch": 1}])
def test_a_network_pickled_whole_is_not_opened(file, zipped, wrap):
    torch.save(wrap(nn.DataParallel(nn.Linear(2, 2))), file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"checkpoint_ep300\.pth\.tar: refused.*torch\.nn\.") as caught:
        load_released(file)
    text = str(caught.value)
    assert "execute code" in text
    remedy = [line.strip().split("  #")[0] for line in text.splitlines()[1:]]
    assert remedy == [
        "model = torch.load('checkpoint_ep300.pth.tar', map_location='cpu')",
        "torch.save({'state_dict': model.state_dict()}, 'weights.pth.tar')",
    ]


def test_the_remedy_for_it_works(file, monkeypatch, shapes):
    monkeypatch.chdir(file.parent)
    whole = SAN(released.ARCHITECTURE, 5, decoder=False).encoder
    torch.save(nn.DataParallel(whole), file)
    with pytest.raises(ValueError, match="refused") as caught:
        load_released(file)
    lines = [line.strip() for line in str(caught.value).splitlines()[1:]]
    lines[0] = lines[0].replace("map_location='cpu'", "map_location='cpu', weights_only=False")
    exec("\n".join(lines), {"torch": torch})
    model = load_released(file.with_name("weights.pth.tar"))
    assert all(torch.equal(v, whole.state_dict()[k]) for k, v in model.encoder.state_dict().items())
    file.with_name("weights.pth.tar").unlink()


def test_nothing_is_executed(file):
    class Trap:
        def __reduce__(self):
            return sys.modules["os"].mkdir, (str(file.parent / "executed"),)

    torch.save({"state_dict": Trap()}, file)
    with pytest.raises(ValueError, match=r"refused: .*mkdir"):
        load_released(file)
    assert not (file.parent / "executed").exists()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("part", [0.0, 0.001, 0.01, 0.5, 0.99])
def test_a_file_cut_off_is_called_damaged(shapes, file, zipped, part):
    theirs.write(file, *(theirs.hollow(s) for s in shapes), zipped=zipped)
    file.write_bytes(file.read_bytes()[: int(part * file.stat().st_size)])
    with pytest.raises(ValueError, match=r"checkpoint_ep300\.pth\.tar: not a file of torch\.save, or a damaged one"):
        load_released(file)


def test_another_kind_of_file_is_said_to_be_one(file):
    file.write_bytes(b"<html>404</html>")
    with pytest.raises(ValueError, match=r"not a file of torch\.save"):
        load_released(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "unknown layout: a list, not a dict with 'state_dict'"),
        ({}, "unknown layout: 'state_dict' is missing"),
        (
            {"model": {}, "epoch": 3},
            "'state_dict' is missing; 'model' is unexpected; released ones hold state_dict, ",
        ),
        ({"state_dict": {}, "optimizer": {}}, "'optimizer' is unexpected"),
        ({"state_dict": None}, "'state_dict' is a NoneType, not a dict of tensors"),
        ({"state_dict": {}, "decoder_state_dict": [1]}, "'decoder_state_dict' is a list, not a dict of tensors"),
        ({"state_dict": {"conv1.weight": 3, 4: torch.ones(1)}}, "holds 'conv1.weight', no named tensor.*holds '4'"),
        (
            {"conv1.weight": torch.ones(1)},
            r"a plain state dict \(1 tensors\).*torch\.save\(\{'state_dict': torch.load",
        ),
    ],
)
def test_another_layout_is_described(file, content, message):
    torch.save(content, file)
    with pytest.raises(ValueError, match=rf"checkpoint_ep300\.pth\.tar: .*{message}"):
        load_released(file)


@pytest.mark.parametrize("key", ["rank1", "epoch"])
def test_a_note_that_is_no_number_is_named(shapes, file, key):
    with pytest.raises(ValueError, match=rf"'{key}' is 'best', not a number"):
        load_released(theirs.write(file, theirs.hollow(shapes[0]), None, **{key: "best"}))


def test_no_file_is_named(file):
    with pytest.raises(FileNotFoundError, match=r"checkpoint_ep300\.pth\.tar: no such file"):
        load_released(file)


def test_another_architecture_is_not_written(file):
    changes = {"backbone": "resnet18", "fc": 256, "decoder_upsamples": 3, "texture": 128, "pretrained": "none"}
    model = SAN(released.ARCHITECTURE.model_copy(update=changes), 5)
    with pytest.raises(ValueError, match="one network alone") as caught:
        save_released(model, file)
    fields = "backbone is resnet18, not resnet50; fc is 256, not 512; texture is 128, not 256; decoder_upsamples is 3"
    assert fields in str(caught.value)
    assert "pretrained" not in str(caught.value)
    assert list(file.parent.iterdir()) == []


def test_a_model_that_was_changed_is_not_written(file):
    with torch.device("meta"):
        model = SAN(released.ARCHITECTURE, 5)
        model.decoder.final_layer[1] = nn.Conv2d(16, 3, 5)
    with pytest.raises(ValueError, match=r"decoder_state_dict: of another shape: final_layer\.1\.weight"):
        save_released(model, file)
    assert list(file.parent.iterdir()) == []


def test_another_start_is_no_other_architecture(shapes, file):
    model = load_released(theirs.write(file, theirs.hollow(shapes[0]), None))
    model.architecture = model.architecture.model_copy(update={"pretrained": "none"})
    save_released(model, file)
    assert load_released(file).architecture.pretrained == "imagenet"
