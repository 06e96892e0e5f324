"""A small network, and photos of four people in two colours each, seen by two cameras."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from app.painting import Painting
from app.wearing import Wearing
from sanreid.api import Model
from sanreid.data import images
from sanreid.models import reid, strong
from sanreid.models.attributes import AttributeClassifier, Network
from sanreid.params import validate
from sanreid.training import attributes, checkpoint
from tests.cli import networks
from tests.stages import toy_attributes
from tests.stages.toy_systems import NETWORK

PEOPLE, CAMERAS = 4, 2


def person(pid: int, camera: int, height: int = 64) -> np.ndarray:
    """A picture of two colours that are the person's own, a little brighter in the second camera."""
    above, below = np.random.default_rng(pid).integers(0, 220, (2, 3))
    noise = np.random.default_rng([pid, camera]).integers(0, 12, (height, height // 2, 3))
    bands = np.repeat([above, below], height // 2, 0)[:, None]
    return (bands + 12 * camera + noise).clip(0, 255).astype(np.uint8)


def photos(folder: Path, table: bool = True) -> Path:
    """Fill `folder` with <pid>_<camid>_1.png of everybody, and index.csv where `table` says so."""
    folder.mkdir(parents=True)
    lines = ["path,pid,camid,split"]
    for pid in range(1, PEOPLE + 1):
        for camera in range(1, CAMERAS + 1):
            name = f"{pid}_{camera}_1.png"
            images.write_rgb(folder / name, person(pid, camera))
            lines.append(f"{name},{pid},{camera},{'query' if camera == 1 else 'gallery'}")
    if table:
        (folder / "index.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="session")
def network(tmp_path_factory) -> Path:
    """A network of drawn weights in a model folder, as train_strong writes it."""
    folder = tmp_path_factory.mktemp("network")
    torch.manual_seed(0)
    shape = NETWORK | {"initialise": "scratch"}
    net = strong.Strong(validate(shape, reid.Architecture, "network"), people=2)
    save_file(net.state_dict(), folder / "weights.safetensors")
    (folder / "params.json").write_text(json.dumps({"system": "strong", "people": 2, "recipe": {"network": shape}}))
    return folder


@pytest.fixture(scope="session")
def model(network) -> Model:
    """The network; one for all tests."""
    return Model.load(network, "cpu")


@pytest.fixture(scope="session")
def wearing(tmp_path_factory) -> Wearing:
    """A classifier that learnt nothing."""
    folder = tmp_path_factory.mktemp("wearing")
    torch.manual_seed(0)
    shape = validate({**toy_attributes.NETWORK, "initialise": "scratch"}, Network, "network")
    settings = {"system": "attributes", "recipe": {"network": shape.model_dump(mode="json")}}
    checkpoint.save_model(folder, AttributeClassifier(shape, attributes.CLASSES), settings, None)
    return Wearing(folder, "cpu")


@pytest.fixture(scope="session")
def painter(tmp_path_factory) -> Path:
    """The model folder of a SAN of drawn weights."""
    return networks.write_san(tmp_path_factory.mktemp("painter") / "san")


@pytest.fixture(scope="session")
def painting(painter) -> Painting:
    """That SAN."""
    return Painting(painter, "cpu")
