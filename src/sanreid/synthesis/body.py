"""The human body: mesh, shape space and skeleton, read from `assets/body.npz`, and what follows from them alone.

Decisions: z is up, the person faces -y, +x is the person's left, metres; texture coordinates are turned to image
convention (v down) once, here. The canonical body (a mean adult) defines where each texel lies, so a texture means the
same for every shape. Accessories own fixed rectangles of the texture that no body chart uses (`SLOTS`). Origin and
licence of the data: assets/NOTICE.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np
from scipy.spatial import KDTree

from sanreid.synthesis import kernels

TEXTURE = 256  # texels on a side
# Rectangles of the texture (u0, v0, u1, v1) that accessories use; at 256 texels each keeps two texels of gutter.
SLOTS = {
    "backpack": (0.008, 0.008, 0.172, 0.086),
    "skirt": (0.832, 0.008, 0.992, 0.16),
    "hair": (0.782, 0.875, 0.992, 0.992),
    "brim": (0.586, 0.008, 0.742, 0.086),
    "bag": (0.008, 0.48, 0.09, 0.81),
}
AGES = np.linspace(-1 / 3, 1, 5)  # newborn, baby, child, young, old
LEVELS = {"gender": 2, "age": 5, "muscle": 3, "weight": 3, "height": 2, "proportions": 2, "cupsize": 3, "firmness": 3}


@dataclass(frozen=True)
class Model:
    """The arrays of body.npz, in the types that the kernels take."""

    faces: np.ndarray  # (m, 3) int32
    uv_faces: np.ndarray  # (m, 3) int32
    uv: np.ndarray  # (t, 2) float32, v down
    part: np.ndarray  # (m,) index into part_names
    part_names: list[str]
    bone_names: list[str]
    parents: np.ndarray  # (bones,)
    vertices: np.ndarray  # (n, 3)
    vertex_shapes: np.ndarray  # (components, n, 3)
    heads: np.ndarray  # (bones, 3)
    head_shapes: np.ndarray  # (components, bones, 3)
    weights: np.ndarray  # (n, 9) float32, large to small
    weight_bones: np.ndarray  # (n, 9) int32
    phenotype_mask: np.ndarray
    phenotype_projection: np.ndarray

    def bone(self, name: str) -> int:
        """Index of a bone."""
        return self.bone_names.index(name)


@lru_cache(maxsize=1)
def model() -> Model:
    """The body model, read once a process."""
    with resources.files("sanreid.synthesis").joinpath("assets/body.npz").open("rb") as file, np.load(file) as data:
        arrays = {name: data[name] for name in data.files}
    part_names, bone_names = ([str(name) for name in arrays.pop(key)] for key in ("part_names", "bone_names"))
    for name, values in arrays.items():
        arrays[name] = np.ascontiguousarray(values, np.float32 if values.dtype.kind == "f" else np.int32)
    arrays["uv"][:, 1] = 1 - arrays["uv"][:, 1]
    return Model(part_names=part_names, bone_names=bone_names, **arrays)


def shape(**phenotype: float) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (n, 3) and bone heads (bones, 3) of a body, in metres, rest pose.

    Keywords of `LEVELS` in [0, 1], 0.5 where absent: gender 0 is male, age 1/3 a child, 2/3 a young adult, 1 old. A
    port of anny's weighting (product of piecewise linear weights a target), with equal parts of its three races.
    """
    weights = phenotype_weights(**phenotype)
    body = model()
    mask = body.phenotype_mask
    targets = np.prod(weights * mask + (1 - mask), axis=-1)
    components = (targets[:, None] * body.phenotype_projection).sum(0).astype(np.float32)
    # einsum, not a matrix product: BLAS sums in an order that depends on the machine and its threads.
    vertices = body.vertices + np.einsum("c,cnd->nd", components, body.vertex_shapes)
    heads = body.heads + np.einsum("c,cnd->nd", components, body.head_shapes)
    return vertices.astype(np.float32), heads.astype(np.float32)


def phenotype_weights(**phenotype: float) -> np.ndarray:
    """Weights (26,) of the anchors of races and `LEVELS` for a phenotype; unknown names raise ValueError."""
    unknown = set(phenotype) - set(LEVELS)
    if unknown:
        raise ValueError(f"unknown body phenotype {sorted(unknown)}: use some of {sorted(LEVELS)}")
    weights = [np.full(3, 1 / 3)]
    for name, count in LEVELS.items():
        anchors = AGES if name == "age" else np.linspace(0, 1, count)
        weights.append(_hat_weights(phenotype.get(name, 0.5), anchors))
    return np.concatenate(weights)


def _hat_weights(value: float, anchors: np.ndarray) -> np.ndarray:
    """Weights of the two neighbours of `value` among `anchors`; they sum to 1."""
    value = float(np.clip(value, anchors[0], anchors[-1]))
    i = min(int(np.searchsorted(anchors, value, side="right")) - 1, len(anchors) - 2)
    weights = np.zeros(len(anchors))
    weights[i + 1] = (value - anchors[i]) / (anchors[i + 1] - anchors[i])
    weights[i] = 1 - weights[i + 1]
    return weights


@dataclass(frozen=True)
class Canonical:
    """The mean adult that textures are painted on, and per-vertex facts about the body."""

    vertices: np.ndarray
    normals: np.ndarray
    heads: np.ndarray
    arm: np.ndarray  # (n,) skinning weight of arm and hand bones
    leg: np.ndarray  # (n,) skinning weight of leg and foot bones
    hand: np.ndarray  # (n,) 1 on the part's vertices, else 0
    foot: np.ndarray
    head: np.ndarray
    eye: np.ndarray


@lru_cache(maxsize=1)
def canonical() -> Canonical:
    """The canonical body; computed once a process."""
    body = model()
    vertices, heads = shape(gender=0.3, age=0.67, height=0.5)

    def bones(*prefixes: str) -> np.ndarray:
        chosen = np.array([name.startswith(prefixes) for name in body.bone_names])
        return (body.weights * chosen[body.weight_bones]).sum(1).astype(np.float32)

    def part(*names: str) -> np.ndarray:
        chosen = np.isin(body.part, [body.part_names.index(name) for name in names])
        out = np.zeros(len(vertices), np.float32)
        out[body.faces[chosen].ravel()] = 1
        return out

    return Canonical(
        vertices=vertices,
        normals=kernels.vertex_normals(vertices, body.faces),
        heads=heads,
        arm=bones("upperarm", "lowerarm", "wrist", "finger", "metacarpal"),
        leg=bones("upperleg", "lowerleg", "foot", "toe"),
        hand=part("hand.L", "hand.R"),
        foot=part("foot.L", "foot.R"),
        head=part("head"),
        eye=part("eye_front.L", "eye_front.R"),
    )


def slot_box(name: str) -> tuple[int, int, int, int]:
    """Rows and columns (top, bottom, left, right; ends excluded) of an accessory's rectangle in the texture."""
    left, top, right, bottom = (round(edge * TEXTURE) for edge in SLOTS[name])
    return top, bottom, left, right


@lru_cache(maxsize=1)
def texel_faces() -> tuple[np.ndarray, np.ndarray]:
    """Triangle (256, 256) of the body under each texel, -1 where none, and its barycentric coordinates (.., 2)."""
    return kernels.texel_map(model().uv, model().uv_faces, TEXTURE)


def coverage() -> np.ndarray:
    """(256, 256) bool: the texels that exist, on body charts and accessory slots."""
    exists = texel_faces()[0] >= 0
    for name in SLOTS:
        top, bottom, left, right = slot_box(name)
        exists[top:bottom, left:right] = True
    return exists


@lru_cache(maxsize=1)
def uv_mirror() -> np.ndarray:
    """(256, 256, 2) int16: row and column of each texel's left-right mirror image on the body.

    On the body: the texel whose point on the canonical mesh is nearest to the mirrored point (x to -x), normals
    counted in so that a texel of one thigh does not find the other. Slots are mirrored in u; other texels stay.
    """
    body, adult = model(), canonical()
    triangle, barycentric = texel_faces()
    rows, columns = np.nonzero(triangle >= 0)
    corners = body.faces[triangle[rows, columns]]
    weights = np.concatenate([barycentric[rows, columns], 1 - barycentric[rows, columns].sum(-1, keepdims=True)], 1)
    points = (adult.vertices[corners] * weights[..., None]).sum(1)
    normals = (adult.normals[corners] * weights[..., None]).sum(1)
    features = np.concatenate([points, 0.03 * normals], 1)  # a normal's full turn counts as 6 cm
    nearest = KDTree(features).query(features * [-1, 1, 1, -1, 1, 1])[1]
    mirror = np.stack(np.meshgrid(np.arange(TEXTURE), np.arange(TEXTURE), indexing="ij"), -1).astype(np.int16)
    mirror[rows, columns] = np.stack([rows[nearest], columns[nearest]], 1)
    for name in SLOTS:
        top, bottom, left, right = slot_box(name)
        mirror[top:bottom, left:right, 1] = np.arange(right - 1, left - 1, -1)
    return mirror
