"""SAN begins with the trunk of the network that ships, or says why it cannot."""

from pathlib import Path

import pytest
import torch

from sanreid.training import checkpoint, networks, san_start, shipped
from tests.stages.toy_san import architecture

FITS = {"backbone": "mobilenet_v2", "width": 32, "pretrained": "shipped"}


@pytest.fixture(autouse=True)
def at_root(root, monkeypatch):
    monkeypatch.chdir(root)


def test_the_trunk_is_that_of_the_network_that_ships():
    model, report = san_start.begin(architecture(**FITS), people=3)
    theirs = networks.load(Path(shipped.FOLDER))[0].encoder.state_dict()
    ours = model.encoder.state_dict()
    trunk = {name for name in ours if not name.startswith(("fc.", "classifier."))}
    assert trunk <= set(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in trunk)
    assert (report["pretrained"], len(report["matched"])) == ("shipped", len(trunk))
    assert checkpoint.began_with(report) == [Path(shipped.FOLDER) / checkpoint.WEIGHTS]


def test_another_trunk_is_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"backbone: resnet18, but the network in .* has mobilenet_v2"):
        san_start.begin(architecture(pretrained="shipped"), people=3)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        FileNotFoundError, match=r"pretrained/params.json: not found; san\.pretrained: shipped wants it"
    ):
        san_start.begin(architecture(**FITS), people=3)


def test_other_starts_are_the_networks_own():
    torch.manual_seed(0)
    model, report = san_start.begin(architecture(), people=3, decoder=False)
    assert model.decoder is None
    assert report == {"initialise": "scratch", "pretrained": "none"}
