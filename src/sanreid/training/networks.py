"""Loads a trained re-ID network of any system from its model folder.

Decisions: params.json in the folder records the system and the network's shape, so params.yaml is not needed; a new
system is a line in NETWORKS. SAN's decoder is not loaded, because retrieval does not use it.
"""

from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from sanreid import runtime
from sanreid.models import aligned, reid, san, strong, two_branch, two_head
from sanreid.params import validate
from sanreid.training import checkpoint
from sanreid.training.parameter_prefixes import FEATURE

NETWORKS: dict[str, tuple[type[reid.Architecture], type[nn.Module]]] = {
    "two_branch": (reid.Architecture, two_branch.TwoBranch),
    "two_head": (two_head.Architecture, two_head.TwoHead),
    "strong": (reid.Architecture, strong.Strong),
    "aligned": (aligned.Architecture, aligned.AlignedReID),
}


class Trained(NamedTuple):
    """A network whose output has `feature` (N, D), its input's (height, width), and the content of params.json."""

    net: nn.Module
    size: tuple[int, int]
    record: dict[str, Any]


def load(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The network of a model folder of a re-ID system, and the content of its params.json.

    Raises FileNotFoundError if there is none, ValueError if the folder is of no known system or its weights do not fit.
    """
    file = folder / "params.json"
    if not file.is_file():
        raise FileNotFoundError(f"{file}: not found; run the stage that trains {folder}")
    record = runtime.read_json(file)
    if record.get("system") not in NETWORKS:
        raise ValueError(f"{file}: system is {record.get('system')!r}; known are {', '.join(NETWORKS)}")
    section, network = NETWORKS[record["system"]]
    net = network(validate(record["recipe"]["network"], section, f"{file}: recipe.network"), record["people"])
    parts = {name.split(".")[0] + "." for name in net.state_dict()}
    runtime.log.info("%s", checkpoint.load_into(net, folder / checkpoint.WEIGHTS, only=sorted(parts), strict=True))
    return net, record


def load_san(folder: Path, arch: san.Architecture) -> san.SAN:
    """The network of a model folder of train_san, without its decoder; `arch` is its architecture.

    Raises FileNotFoundError or ValueError if the weights are missing or do not fit.
    """
    net = san.SAN(arch, people=1, decoder=False)
    runtime.log.info("%s", checkpoint.load_into(net, folder / checkpoint.WEIGHTS, only=FEATURE, strict=True))
    return net


def load_any(folder: Path) -> Trained:
    """The network of a model folder of train_san or of another re-ID system.

    Raises FileNotFoundError if there is none, ValueError if it has no re-ID network, or the weights do not fit.
    """
    file = folder / "params.json"
    if not file.is_file():
        raise FileNotFoundError(f"{file}: not found; name a model folder, such as models/san/<set>/<variant>/seed<k>")
    record = runtime.read_json(file)
    if not is_network(record):
        raise ValueError(f"{file}: no re-ID network; name a folder of train_san or of another re-ID system")
    if record.get("system") in NETWORKS:
        net, _ = load(folder)
        shape = record["recipe"]["network"]
        return Trained(net, (shape["height"], shape["width_px"]), record)
    arch = validate(record["architecture"], san.Architecture, f"{file}: architecture")
    return Trained(load_san(folder, arch), arch.size, record)


def trained(models: Path) -> list[Path]:
    """The folders of re-ID networks at any depth below `models`, sorted."""
    found = sorted(file.parent for file in models.rglob("params.json"))
    return [folder for folder in found if is_network(runtime.read_json(folder / "params.json"))]


def is_network(record: Any) -> bool:
    """Whether a params.json is of a re-ID network (and not of SAN-PG, say)."""
    if not isinstance(record, dict) or "target" in record:
        return False  # SAN-PG's
    return record.get("system") in NETWORKS or {"variant", "architecture"} <= record.keys()
