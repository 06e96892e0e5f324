"""The texture of a person, painted from a picture by a trained SAN-PG or SAN, and the person turned who wears it.

Decisions: a texture can be worn by the open body alone where it has that body's layout. SAN-PG's folder holds the
layout's mirror map where its paired set knew one; another map than the body's means another layout (SMPL's, of the
published PIT), and then the person is not turned. A variant's folder holds none: it was trained on textures that a
SAN-PG painted, and is taken to have the body's. The one that ships holds none either: it has the body's layout.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from sanreid import faults, runtime
from sanreid.data import tensors
from sanreid.models import san
from sanreid.params import validate
from sanreid.pseudo_textures import generate
from sanreid.synthesis import body
from sanreid.training import checkpoint, parameter_prefixes

SHIPPED = Path(__file__).parents[1] / "pretrained_texture"  # a SAN-PG's model folder, with its model card
MIRROR = "uv_mirror.npy"
PAINTED = ("texture", "shared_texture", "true_texture")  # of a variant's key `reconstruct`
BATCH = 32


class Painter:
    """A network that paints textures.

    `size` is their side, `wearable` whether the open body can wear them, `file` where its weights lie.
    """

    def __init__(self, folder: Path, device: torch.device) -> None:
        """Load the model folder of a SAN-PG or of a variant of SAN with a decoder.

        Raises ValueError naming the file where it paints no texture; FileNotFoundError where there is no such folder.
        """
        file = folder / "params.json"
        if not file.is_file():
            raise FileNotFoundError(f"{file}: not found; name a folder of train_san_pg, such as models/san_pg/texture")
        record = runtime.read_json(file)
        if not _paints(folder, record):
            raise ValueError(
                f"{file}: paints no texture; name a folder of train_san_pg, such as models/san_pg/texture, or of a "
                "variant of SAN that was trained to paint one"
            )
        shape = validate(record["architecture"], san.Architecture, f"{file}: architecture")
        self.network, self.file = san.SAN(shape, people=1), folder / checkpoint.WEIGHTS
        only = parameter_prefixes.TRUNK + parameter_prefixes.DECODER
        checkpoint.load_into(self.network, self.file, only=only, strict=True)
        self.network.eval().to(device)
        self.image_size, self.size = shape.size, shape.texture
        self.wearable = _fits(folder / MIRROR)

    def paint(self, paths: Sequence[Path], batch: int = BATCH) -> NDArray[np.uint8]:
        """Textures (N, T, T, 3) uint8 RGB of pictures; FileNotFoundError or ValueError naming one that is not read."""
        pictures = tensors.decode(Path(), [str(path) for path in paths], self.image_size)
        return np.stack(list(generate.predict(self.network, pictures, batch)))

    def pictures(self, texture: NDArray[np.uint8], height: int) -> dict[str, NDArray[np.uint8]]:
        """What is shown of a texture: itself (`texture`), and where the body can wear it, the person turned, `height`
        pixels high: `front`, `left`, `back`, `right`, and `turned`, the four side by side."""
        from sanreid.synthesis import sewing, turned  # the renderer: who does not turn anybody does not wait for it

        made = {"texture": texture}
        if self.wearable:
            sides = turned.turned(sewing.sewn(texture), height)
            made |= sides | {"turned": turned.row(sides)}
        return made


def names(paths: Sequence[Path]) -> list[str]:
    """What the files of each picture's texture begin with: its stem. ValueError where two have the same."""
    stems = [path.stem for path in paths]
    for i, stem in enumerate(stems):
        if stem in stems[:i]:
            raise ValueError(f"{paths[i]}: {paths[stems.index(stem)]} has the same name; paint them into two folders")
    return stems


def _paints(folder: Path, record: dict[str, Any]) -> bool:
    if "architecture" not in record or record.get("target", "texture") != "texture":
        return False
    if record.get("settings", {}).get("reconstruct", "texture") not in PAINTED:
        return False
    file = folder / checkpoint.WEIGHTS
    if not file.is_file():
        raise FileNotFoundError(f"{file}: not found; the stage that trains the folder writes it")
    with faults.about(file, "run the stage that trains them again"), safe_open(file, framework="pt") as weights:
        return any(name.startswith(parameter_prefixes.DECODER) for name in weights.keys())  # noqa: SIM118 - no mapping


def _fits(file: Path) -> bool:
    """Whether the layout is the open body's, or none is told."""
    if not file.is_file():
        return True
    with faults.about(file, "run the stage that writes it again"):
        return np.array_equal(np.load(file, allow_pickle=False), body.uv_mirror())
