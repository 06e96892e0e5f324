"""The shipped network (src/sanreid/pretrained) as starting weights: its folder, and whether its trunk fits."""

from pathlib import Path

from sanreid import runtime
from sanreid.models.backbones import Shape

FOLDER = "src/sanreid/pretrained"  # a model folder


def check(arch: Shape, folder: Path, wanted: str) -> None:
    """Refuse a folder without a re-ID network, or with another trunk; the error says what would fit, and `wanted`."""
    file = folder / "params.json"
    if not file.is_file():
        raise FileNotFoundError(f"{file}: not found; {wanted}")
    record = runtime.read_json(file)
    theirs = record.get("recipe", {}).get("network") if isinstance(record, dict) else None
    if not isinstance(theirs, dict):
        raise ValueError(f"{file}: no re-ID system's network; {wanted}")
    for name in ("backbone", "width"):
        if theirs.get(name) != (own := getattr(arch, name)):
            raise ValueError(f"{name}: {own}, but the network in {folder} has {theirs.get(name)}; set {name} to that")
