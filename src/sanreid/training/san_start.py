"""What SAN and SAN-PG begin with: a random trunk, ImageNet's, or that of the network that ships.

Decision: beside the network and not in it, since the network that ships is a trained model, which this room reads.
"""

from pathlib import Path
from typing import Any

from sanreid import runtime
from sanreid.models import san
from sanreid.training import checkpoint, shipped
from sanreid.training.parameter_prefixes import TRUNK


def begin(arch: san.Architecture, people: int, decoder: bool = True) -> tuple[san.SAN, dict[str, Any]]:
    """A network for `people` identities as `arch.pretrained` says, and the report for load_report.json.

    Raises FileNotFoundError that says where to put ImageNet's file, ValueError where the trunk is of another shape.
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
