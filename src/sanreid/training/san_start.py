"""The starting weights of SAN and SAN-PG: a random trunk, ImageNet's, or that of the shipped network.

Decision: here and not in models/san.py, because the shipped network is a trained model, which only training/ can load.
"""

from pathlib import Path
from typing import Any

from sanreid import runtime
from sanreid.models import san
from sanreid.training import checkpoint, shipped
from sanreid.training.parameter_prefixes import TRUNK


def begin(arch: san.Architecture, people: int, decoder: bool = True) -> tuple[san.SAN, dict[str, Any]]:
    """A network for `people` identities with the start of `arch.pretrained`, and the report for load_report.json.

    Raises FileNotFoundError that says where to put ImageNet's file, ValueError if the trunk has another shape.
    """
    if arch.pretrained != "shipped":
        return san.begin(arch, people, decoder)
    folder = Path(shipped.FOLDER)
    shipped.check(arch, folder, "san.pretrained: shipped wants it")
    model = san.SAN(arch, people, decoder)
    report = checkpoint.load_into(model, folder / checkpoint.WEIGHTS, only=TRUNK, strict=True)
    runtime.log.info("%s", report)
    told = {"initialise": "scratch", "pretrained": "shipped", "file": str(folder / checkpoint.WEIGHTS)}
    return model, told | report.as_dict()
