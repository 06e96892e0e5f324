"""Released checkpoints: the same numbers as the plain functions, bit-exact round trips, and what may be absent."""

import logging
from collections import OrderedDict

import pytest
import torch

from sanreid import params
from sanreid.models.san import SAN, Architecture
from sanreid.training import checkpoint, released
from sanreid.training.checkpoint import load_released, save_released
from tests.models import oracle
from tests.training import released_file as theirs

PEOPLE = 767
DEPTHS = (3, 4, 6, 3)
NAMES = ("feature", "logits", "x1", "x2", "x3", "x4", "texture")


@pytest.fixture(autouse=True)
def _log(caplog):
    caplog.set_level(logging.INFO, logger="sanreid")


@pytest.fixture(scope="module")
def raw():
    return theirs.draw(theirs.encoder(PEOPLE), 1), theirs.draw(theirs.decoder(), 2)


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 3, 256, 128, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def expected(raw, images):
    return by_oracle(*raw, images)


@pytest.fixture
def file(tmp_path):
    """Where to write; removed at once, since pytest would keep hundreds of megabytes."""
    path = tmp_path / "checkpoint_ep300.pth.tar"
    yield path
    path.unlink(missing_ok=True)


def by_oracle(encoder, decoder, images):
    with torch.no_grad():
        feature, logits, maps = oracle.encode(encoder, images, DEPTHS, last_stride=1)
        return [feature, logits, *oracle.decode(decoder, maps, upsamples=4, texture=256)]


def by_us(model, images):
    with torch.no_grad():
        out = model(images)
    return [out.feature, out.logits, *out.decoded]


def assert_same(got, wanted):
    for name, a, b in zip(NAMES, got, wanted, strict=True):
        assert 0.05 < b.std() < 5, f"{name}: nothing to compare"
        assert (a - b).abs().max() < 1e-4, name


def prefixed(state):
    return OrderedDict((f"module.{k}", v) for k, v in state.items())


@pytest.mark.parametrize("form", ["as released", "module. in both", "module. in one", "before torch 1.6"])
def test_the_same_weights_give_the_same_numbers(raw, images, expected, file, caplog, form):
    encoder, decoder = raw
    if form.startswith("module."):
        encoder, decoder = prefixed(encoder), (prefixed(decoder) if form.endswith("both") else decoder)
    theirs.write(file, encoder, decoder, zipped=form != "before torch 1.6")
    if form == "before torch 1.6":  # numpy was at its first version then, and its numbers had another name
        data = file.read_bytes()
        assert b"cnumpy._core.multiarray\nscalar\n" in data
        file.write_bytes(data.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
    torch.manual_seed(0)
    drawn = torch.rand(1)
    torch.manual_seed(0)
    model = load_released(file)
    assert torch.equal(torch.rand(1), drawn)  # a load leaves the random numbers alone
    assert isinstance(model, SAN)
    assert not model.training
    assert all(p.requires_grad for p in model.parameters())
    assert_same(by_us(model, images), expected)
    for part, state in ((model.encoder, raw[0]), (model.decoder, raw[1])):
        assert part.state_dict().keys() == state.keys()
        assert all(torch.equal(v, state[k]) for k, v in part.state_dict().items())
    for words in (
        file.name,
        "767 people",
        f"{len(raw[1])} of the decoder",
        "rank-1 0.8125",
        "epoch 299 (counted from 0)",
    ):
        assert words in caplog.text
    assert "counters" not in caplog.text


def test_a_saved_model_is_theirs_to_read(file, images):
    torch.manual_seed(1)
    model = SAN(released.ARCHITECTURE, 20)
    with torch.no_grad():  # the decoder's published start is nearly zero, which would hide a wrong layer
        model.decoder.load_state_dict(theirs.draw(theirs.decoder(), 4))
        model.encoder.load_state_dict(theirs.draw(theirs.encoder(20), 5))
    model.to(memory_format=torch.channels_last).eval()
    save_released(model, file, rank1=0.75, epoch=7)
    content = torch.load(file, weights_only=True)
    assert {k: type(v) for k, v in content.items()} == {
        "state_dict": dict,
        "decoder_state_dict": dict,
        "rank1": float,
        "epoch": int,
    }
    assert (content["rank1"], content["epoch"]) == (0.75, 7)
    for key, shapes in (("state_dict", theirs.encoder(20)), ("decoder_state_dict", theirs.decoder())):
        assert {k: tuple(v.shape) for k, v in content[key].items()} == shapes
        assert all(v.is_contiguous() for v in content[key].values())
    assert_same(by_us(model, images[:1]), by_oracle(content["state_dict"], content["decoder_state_dict"], images[:1]))


def test_a_round_trip_is_bit_exact(raw, file, tmp_path):
    model, rank1, epoch = released.read(theirs.write(file, *raw))
    again = tmp_path / "folder" / "again.pth.tar"
    save_released(model, again, rank1, epoch)
    content = torch.load(again, weights_only=True)
    for key, state in zip(("state_dict", "decoder_state_dict"), raw, strict=True):
        assert content[key].keys() == state.keys()
        assert all(torch.equal(content[key][k], v) and content[key][k].dtype == v.dtype for k, v in state.items())
    assert (content["rank1"], content["epoch"]) == (0.8125, 299)
    first = again.read_bytes()
    save_released(load_released(again), again, rank1, epoch)
    assert again.read_bytes() == first
    again.unlink()


def test_the_architecture_is_the_paper_profiles(root):
    assert params.load(root / "profiles/paper.yaml", "san", Architecture) == released.ARCHITECTURE


@pytest.fixture
def shapes():
    return theirs.encoder(5), theirs.decoder()


class TestWhatMayBeAbsent:
    def test_a_file_without_decoder_gives_a_network_without(self, shapes, file, caplog):
        model = load_released(theirs.write(file, theirs.hollow(shapes[0]), None))
        assert model.decoder is None
        assert model.encoder.classifier.out_features == 5
        assert "no decoder_state_dict: features, no textures" in caplog.text
        caplog.clear()
        save_released(model, file)
        content = torch.load(file, weights_only=True)
        assert set(content) == {"state_dict", "rank1", "epoch"}
        assert "written without decoder_state_dict" in caplog.text

    def test_counters_of_batchnorm_become_0(self, shapes, file, caplog):
        states = [theirs.hollow({k: v for k, v in s.items() if "num_batches" not in k}) for s in shapes]
        model = load_released(theirs.write(file, *states))
        counters = {k: v for k, v in model.state_dict().items() if k.endswith("num_batches_tracked")}
        assert f"{len(counters)} counters num_batches_tracked are not in it" in caplog.text
        assert all(v.item() == 0 and v.dtype == torch.int64 for v in counters.values())
        model(torch.randn(1, 3, 32, 32), texture=False)  # nothing was left without memory

    def test_rank1_and_epoch_are_unknown_then(self, shapes, file, caplog):
        torch.save({"state_dict": theirs.hollow(shapes[0])}, file)
        assert released.read(file)[1:] == (None, None)
        assert "rank-1 unknown; epoch unknown" in caplog.text
        save_released(load_released(file), file)  # the released code would begin at epoch 0
        assert torch.load(file, weights_only=True)["epoch"] == -1
        assert released.read(file)[1:] == (None, None)


def test_a_killed_write_leaves_the_former_file(shapes, file, monkeypatch):
    model = load_released(theirs.write(file, theirs.hollow(shapes[0]), None))
    before = file.read_bytes()

    def dies(content, stream):
        stream.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", dies)
    with pytest.raises(KeyboardInterrupt):
        save_released(model, file)
    assert file.read_bytes() == before
    assert [f.name for f in file.parent.iterdir()] == [file.name]


def test_checkpoint_has_these_two_names_and_no_other():
    assert checkpoint.load_released is released.load_released
    assert checkpoint.save_released is released.save_released
    with pytest.raises(AttributeError, match="load_relaesed"):
        checkpoint.load_relaesed  # noqa: B018
