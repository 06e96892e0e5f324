"""Released SAN checkpoints (`*.pth.tar`) to model folders that evaluate_san accepts, and back; no stage runs this.

    python tools/released.py import FILE OUT
    python tools/released.py export MODEL_FOLDER FILE [--rank1 0.801]

Decisions: nothing that is there is replaced. An imported folder says in params.json where it came from; a later export
writes the same rank-1 and epoch again. Of a network trained here, the epoch is the last one counted, from 0.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import safe_open

from sanreid import faults, params, runtime
from sanreid.models.san import SAN, Architecture
from sanreid.training import checkpoint, released


def import_(file: Path, out: Path) -> None:
    """Write the released checkpoint `file` as the model folder `out`, whole or not at all.

    Raises ValueError or FileNotFoundError naming the file and the remedy.
    """
    _absent(out)
    model, rank1, epoch = released.read(file)
    settings = {
        "variant": "released",
        "people": model.encoder.classifier.out_features,
        "architecture": model.architecture,
        "released": {"file": file.name, "rank1": rank1, "epoch": epoch},
    }
    with runtime.atomic_folder(out) as work:
        checkpoint.save_model(work, model, settings, history=None)
    runtime.log.info("%s: written; section `san` of profiles/paper.yaml fits it", out)


def export(folder: Path, file: Path, rank1: float | None = None) -> None:
    """Write the model folder `folder` as the checkpoint `file` of the released code, whole or not at all.

    `rank1` is a fraction to note in it. Raises ValueError or FileNotFoundError naming the file and the remedy.
    """
    _absent(file)
    settings = _settings(folder / "params.json")
    arch = params.validate(settings["architecture"], Architecture, f"{folder / 'params.json'}: architecture")
    weights = folder / checkpoint.WEIGHTS
    if not weights.is_file():
        raise FileNotFoundError(f"{weights}: not found; it belongs to a model folder")
    with safe_open(weights, "pt") as names:
        decoder = any(name.startswith("decoder.") for name in names.keys())  # noqa: SIM118 - no mapping
    model = SAN(arch, settings["people"], decoder)
    runtime.log.info("%s", checkpoint.load_into(model, weights, strict=True))
    was = settings.get("released") or {"rank1": None, "epoch": settings.get("recipe", {}).get("epochs", 0) - 1}
    noted = was["rank1"] if rank1 is None else rank1
    epoch = -1 if was["epoch"] is None else was["epoch"]
    released.save_released(model, file, math.nan if noted is None else noted, epoch)
    runtime.log.info("%s: written for the released code", file)


def _settings(file: Path) -> dict[str, Any]:
    """The params.json of a SAN; ValueError where the folder holds another model."""
    if not file.is_file():
        raise FileNotFoundError(f"{file}: not found; name a model folder, such as models/san/<set>/<variant>/seed<k>")
    settings = runtime.read_json(file)
    for key in ("architecture", "people"):
        if key not in settings:
            raise ValueError(f"{file}: no '{key}': only folders of train_san can be exported (SAN-PG has no head)")
    return settings


def _absent(path: Path) -> None:
    if path.exists():
        raise ValueError(f"{path}: is there already; remove it or name another")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; bad input ends in one clear message."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("import", help="released checkpoint to model folder")
    verb.add_argument("file", type=Path)
    verb.add_argument("out", type=Path)
    verb = verbs.add_parser("export", help="model folder to released checkpoint")
    verb.add_argument("folder", type=Path)
    verb.add_argument("file", type=Path)
    verb.add_argument("--rank1", type=float, help="to note in the file, a fraction")
    given = vars(parser.parse_args(arguments))
    runtime.configure_logging()
    with faults.told("released"):
        {"import": import_, "export": export}[given.pop("verb")](**given)


if __name__ == "__main__":
    main()
