"""The command line: a network from a model folder, a port, and errors in one line."""

import json
import socket

import numpy as np
import pytest
from safetensors.torch import save_file

from app.__main__ import fingerprint, main
from sanreid.api import Model
from tests.app.conftest import photos
from tests.stages.toy_systems import NETWORK


@pytest.fixture
def folder(tmp_path, model):
    """The tests' network in a model folder, as train_strong writes it."""
    place = tmp_path / "network"
    place.mkdir()
    save_file(model.net.state_dict(), place / "weights.safetensors")
    shape = NETWORK | {"initialise": "scratch"}
    (place / "params.json").write_text(json.dumps({"system": "strong", "people": 2, "recipe": {"network": shape}}))
    return place


def test_a_model_folders_network_is_what_the_page_wants(folder, model, tmp_path):
    loaded = Model.load(folder)
    files = sorted(photos(tmp_path / "a").glob("*.png"))
    assert (loaded.dimension, tuple(loaded.image_size)) == (model.dimension, model.image_size)
    np.testing.assert_allclose(loaded.embed(files), model.embed(files), atol=1e-6)


def test_a_fingerprint_changes_with_the_network(folder):
    first = fingerprint(folder)
    (folder / "params.json").write_text((folder / "params.json").read_text() + "\n")
    assert len({first, fingerprint(folder)}) == 2


def test_what_cannot_start_says_so_in_one_line(tmp_path, folder):
    with pytest.raises(SystemExit, match=r"app: gone: no such folder; name folders of pictures: make app FOLDERS="):
        main(["gone"])
    photos(tmp_path / "a")
    with pytest.raises(SystemExit, match=r"app: .*params.json"):
        main([str(tmp_path / "a"), "--model", str(tmp_path), "--port", "0"])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with pytest.raises(SystemExit, match=f"app: port {port}: .*name another: make app PORT="):
            main([str(tmp_path / "a"), "--model", str(folder), "--port", port])
