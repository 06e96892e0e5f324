"""The textures that a trained variant's own decoder paints of test images, against the true ones.

Decisions: of the query images, people of no training set; L1 as evaluate_textures has it, over all texels and apart
over those that the picture shows and hides. Where nothing can be measured (no true textures, no decoder, a decoder that
was trained to paint something else) the result is None, never an error: a variant without it is still a variant.
"""

from pathlib import Path

import pandas as pd
from safetensors import safe_open
from torch import Tensor

from sanreid import faults, runtime
from sanreid.evaluation import textures as scores
from sanreid.models import san as network
from sanreid.pseudo_textures import generate
from sanreid.training import checkpoint, parameter_prefixes

TARGETS = ("texture", "shared_texture", "true_texture")  # of key `reconstruct`; before there was one, always a texture


def measure(
    images: Path, rows: pd.DataFrame, decoded: Tensor, model: Path, san: network.Architecture, batch: int
) -> dict[str, float | None] | None:
    """Mean `l1`, `l1_visible` and `l1_hidden` of the model folder `model` on the query images of the set `images`.

    `decoded` holds the pictures of `rows`, uint8 (N, 3, H, W). A part without texels is None.
    """
    truth = scores.TruthFolder(images / "truth")
    if truth.missing() or not paints(model):
        return None
    known = (rows["split"] == "query") & rows["pid"].map(truth.has)
    if not known.any():
        return None
    net = network.SAN(san, people=1)
    checkpoint.load_into(
        net, model / checkpoint.WEIGHTS, only=parameter_prefixes.TRUNK + parameter_prefixes.DECODER, strict=True
    )
    net.to(runtime.device())
    painted = generate.predict(net, decoded[known.to_numpy().nonzero()[0]], batch)
    pairs = zip(painted, rows[known].to_dict("records"), strict=True)
    average = scores.average([scores.compare(texture, truth.of(row["pid"], row["path"])) for texture, row in pairs])
    return {name: average[name] for name in ("l1" + part for part in scores.PARTS)}


def paints(model: Path) -> bool:
    """Whether a model folder holds a decoder that was trained to paint textures."""
    settings = runtime.read_json(model / "params.json").get("settings", {})
    file = model / checkpoint.WEIGHTS
    with faults.about(file, "run the stage that trains them again"), safe_open(file, framework="pt") as weights:
        decodes = any(name.startswith(parameter_prefixes.DECODER) for name in weights.keys())  # noqa: SIM118 - no mapping
    return decodes and settings.get("reconstruct", "texture") in TARGETS
