"""Things with a mesh of their own: backpack, bags, skirt, long hair, brims; and the mesh of a dressed person.

Decisions: each accessory is a small grid with texture coordinates in its slot of the texture, skinned like the body. A
bag in the hand hangs from an extra bone that follows the hand but keeps upright, as gravity would have it, so it does
not swing off. Tubes and brims are doubled, one side turned in, so both sides show.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sanreid.synthesis import body, garments, kernels, shoes, texels
from sanreid.synthesis.wardrobe import Outfit

HANGING_FROM = "finger3-1.R"  # the extra bone's anchor: the right hand
Points = tuple[np.ndarray, np.ndarray, np.ndarray]  # x, y, z
Place = Callable[[np.ndarray, np.ndarray], Points]


@dataclass(frozen=True)
class Mesh:
    """A dressed person in the rest pose, ready for skinning."""

    vertices: np.ndarray  # (n, 3) float32, metres
    normals: np.ndarray  # (n, 3)
    faces: np.ndarray  # (m, 3) int32
    uv: np.ndarray  # (t, 2)
    uv_faces: np.ndarray  # (m, 3)
    weights: np.ndarray  # (n, 9) large to small
    bones: np.ndarray  # (n, 9); one past the last is the hanging bone
    heads: np.ndarray  # (bones, 3)
    shown: np.ndarray  # (n,) bool: the vertices that triangles use
    texel_rows: np.ndarray  # (k,) the texels that lie on this mesh, with their triangle and place in it
    texel_columns: np.ndarray
    texel_triangle: np.ndarray
    texel_barycentric: np.ndarray  # (k, 2)


class Builder:
    """Collects parts of a mesh."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, uv_faces: np.ndarray):
        skeleton = body.model()
        self.vertices, self.faces, self.uv_faces = [vertices], [faces], [uv_faces]
        self.uv, self.weights, self.bones = [skeleton.uv], [skeleton.weights], [skeleton.weight_bones]

    def add(
        self,
        grid: tuple[np.ndarray, np.ndarray, np.ndarray],
        influence: dict[int, np.ndarray | float],
        *,
        doubled=False,
    ):
        """Add a grid (vertices, faces, uv) moved by bones (index -> weight, a number or one a vertex)."""
        vertices, faces, uv = grid
        weights = np.zeros((len(vertices), body.model().weights.shape[1]), np.float32)
        bones = np.zeros(weights.shape, np.int32)
        for j, (bone, weight) in enumerate(influence.items()):
            weights[:, j], bones[:, j] = weight, bone
        order = np.argsort(-weights, axis=1, kind="stable")
        weights, bones = np.take_along_axis(weights, order, 1), np.take_along_axis(bones, order, 1)
        for side in (faces, faces[:, ::-1]) if doubled else (faces,):
            start, uv_start = sum(map(len, self.vertices)), sum(map(len, self.uv))
            for collected, part in (
                (self.vertices, vertices),
                (self.faces, side + start),
                (self.uv_faces, side + uv_start),
                (self.uv, uv),
                (self.weights, weights),
                (self.bones, bones),
            ):
                collected.append(part)


def grid(place: Place, slot: str, columns: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, faces and uv of a surface over [0, 1]^2 (u across, v down), textured by a slot."""
    left, top, right, bottom = body.SLOTS[slot]
    across, down = np.meshgrid(np.linspace(0, 1, columns + 1), np.linspace(0, 1, rows + 1))
    vertices = np.stack(np.broadcast_arrays(*place(across.ravel(), down.ravel())), 1).astype(np.float32)
    uv = np.stack([left + (right - left) * across, top + (bottom - top) * down], -1).reshape(-1, 2).astype(np.float32)
    corner = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    below = corner + columns + 1
    faces = np.concatenate([np.stack([corner, below, corner + 1], 1), np.stack([corner + 1, below, below + 1], 1)])
    return vertices, faces.astype(np.int32), uv


def rounded_box(centre: np.ndarray, half: tuple[float, float, float], slot: str, squareness: float = 0.5):
    """A grid around a superellipsoid with half axes `half`; smaller `squareness`: boxier."""

    def power(value: np.ndarray) -> np.ndarray:
        return np.copysign(np.abs(value) ** squareness, value)

    def place(u: np.ndarray, v: np.ndarray) -> Points:
        turn, fall = 2 * math.pi * u, math.pi * v
        ring = power(np.sin(fall))
        return (
            centre[0] - half[0] * ring * power(np.sin(turn)),
            centre[1] + half[1] * ring * power(np.cos(turn)),
            centre[2] + half[2] * power(np.cos(fall)),
        )

    return grid(place, slot, 16, 10)


def _handle(top: np.ndarray, reach: float, drop: float):
    """A strap arching from a bag's upper side over the hand that holds it."""

    def place(u: np.ndarray, v: np.ndarray) -> Points:
        angle = math.pi * u
        return top[0] + 0.018 * (v - 0.5), top[1] + reach * np.cos(angle), top[2] + drop * (np.sin(angle) - 1)

    return grid(place, "bag", 12, 1)


def dressed(outfit: Outfit, vertices: np.ndarray, heads: np.ndarray) -> Mesh:
    """The mesh of a body (rest-pose vertices (n, 3), bone heads) in an outfit."""
    skeleton, surface = body.model(), texels.vertices()
    normals = kernels.vertex_normals(vertices, skeleton.faces)
    clothed = garments.dress_body(shoes.put_on(vertices, heads), normals, surface, outfit)
    seen = ~garments.hidden_by_skirt(surface, outfit)
    shown = seen[skeleton.faces[:, 0]] | seen[skeleton.faces[:, 1]] | seen[skeleton.faces[:, 2]]
    mesh = Builder(clothed, skeleton.faces[shown], skeleton.uv_faces[shown])
    size = float(np.ptp(vertices[:, 2])) / float(np.ptp(body.canonical().vertices[:, 2]))
    if outfit.lower_kind != "trousers":
        _add_skirt(mesh, clothed, heads, outfit)
    if outfit.hair == "long":
        place, neck = garments.long_hair(clothed, heads, surface, outfit)
        hair = grid(place, "hair", 14, 8)
        low = np.clip((neck - hair[0][:, 2]) / 0.25, 0, 0.6)
        mesh.add(hair, {skeleton.bone("head"): 1 - low, skeleton.bone("spine01"): low}, doubled=True)
    if outfit.hat:
        _add_brim(mesh, clothed, outfit)
    _add_carried(mesh, clothed, heads, outfit, size)
    return _finish(mesh, heads, shown)


def _add_skirt(mesh: Builder, clothed: np.ndarray, heads: np.ndarray, outfit: Outfit) -> None:
    skeleton = body.model()
    place, hip, _ = garments.skirt(clothed, heads, texels.vertices(), outfit)
    tube = grid(place, "skirt", 40, 12)
    x, z = tube[0][:, 0], tube[0][:, 2]
    legs = np.clip((hip + 0.03 - z) / 0.35, 0, 0.75)
    left = np.clip(0.5 + x / 0.24, 0, 1)
    left = left * left * (3 - 2 * left)
    bones = [skeleton.bone(name) for name in ("spine05", "upperleg01.L", "upperleg01.R")]
    mesh.add(tube, dict(zip(bones, (1 - legs, legs * left, legs * (1 - left)), strict=True)), doubled=True)


def _add_brim(mesh: Builder, clothed: np.ndarray, outfit: Outfit) -> None:
    surface, marks = texels.vertices(), texels.landmarks()
    ring = clothed[(surface.head > 0.5) & (np.abs(surface.z - marks.eyes[0, 2] - 0.0575) < 0.0175)]
    centre = (ring.max(0) + ring.min(0)) / 2
    half, front = float(np.ptp(ring[:, 0])) / 2, float(ring[:, 1].min())
    around = outfit.hat == "brim"

    def place(u: np.ndarray, v: np.ndarray) -> Points:
        angle = 2 * math.pi * u if around else (u - 0.5) * math.pi
        widen = 1 + (0.36 * v if around else 0.0)
        reach = widen + (0.0 if around else 0.9 * v * np.cos(angle))
        drop = (0.03 if around else 0.02) * v
        y = centre[1] - (centre[1] - front) * reach * np.cos(angle)
        return half * widen * np.sin(angle), y, centre[2] - 0.01 - drop

    mesh.add(grid(place, "brim", 20, 3), {body.model().bone("head"): 1.0}, doubled=True)


def _add_carried(mesh: Builder, clothed: np.ndarray, heads: np.ndarray, outfit: Outfit, size: float) -> None:
    """Backpack and bags; a bag across the body and one in the hand share a slot, and the first goes before."""
    skeleton, surface = body.model(), texels.vertices()
    neck, hip, waist = (heads[skeleton.bone(name)][2] for name in ("neck01", "upperleg01.L", "spine04"))
    trunk = (surface.arm < 0.5) & (surface.leg < 0.5)
    if outfit.backpack:
        middle = (np.abs(clothed[:, 0]) < 0.12 * size) & (clothed[:, 2] > waist) & (clothed[:, 2] < neck) & trunk
        behind = float(clothed[middle, 1].max())
        centre = np.array([0, behind + 0.06 * size, 0.45 * waist + 0.55 * neck - 0.02])
        half = (0.15 * size, 0.11 * size, 0.23 * size)
        mesh.add(rounded_box(centre, half, "backpack"), {skeleton.bone("spine02"): 1.0})
    if outfit.bag:
        side = float(np.abs(clothed[(surface.arm < 0.5) & (np.abs(clothed[:, 2] - hip) < 0.08 * size), 0]).max())
        centre = np.array([-side - 0.03 * size, 0.12 * size, hip + 0.02])
        mesh.add(rounded_box(centre, (0.05 * size, 0.13 * size, 0.11 * size), "bag"), {skeleton.bone("spine05"): 1.0})
    elif outfit.handbag:
        hand = heads[skeleton.bone(HANGING_FROM)]
        hanging = len(skeleton.bone_names)
        mesh.add(_handle(hand, 0.07 * size, 0.15 * size), {hanging: 1.0}, doubled=True)
        half = (0.045 * size, 0.14 * size, 0.11 * size)
        mesh.add(rounded_box(hand - [0, 0, 0.24 * size], half, "bag", 0.4), {hanging: 1.0})


def _texel_faces(shown: np.ndarray, uv: np.ndarray, uv_faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The triangle under each texel (256, 256) and the place in it: the body's known map, then the accessories'."""
    on_body, barycentric = body.texel_faces()
    renumbered = np.where(shown, np.cumsum(shown) - 1, -1)
    triangle = np.where(on_body >= 0, renumbered[on_body], -1).astype(np.int32)
    count = int(shown.sum())
    if count == len(uv_faces):
        return triangle, barycentric
    extra, extra_barycentric = kernels.texel_map(uv, uv_faces[count:], body.TEXTURE)
    here = extra >= 0
    return np.where(here, extra + count, triangle).astype(np.int32), np.where(
        here[..., None], extra_barycentric, barycentric
    )


def _finish(parts: Builder, heads: np.ndarray, shown: np.ndarray) -> Mesh:
    vertices = np.ascontiguousarray(np.concatenate(parts.vertices), np.float32)
    faces = np.ascontiguousarray(np.concatenate(parts.faces), np.int32)
    uv, uv_faces = np.concatenate(parts.uv), np.concatenate(parts.uv_faces)
    used = np.zeros(len(vertices), bool)
    used[faces.ravel()] = True
    triangle, barycentric = _texel_faces(shown, uv, uv_faces)
    rows, columns = np.nonzero(triangle >= 0)
    return Mesh(
        vertices=vertices,
        normals=kernels.vertex_normals(vertices, faces),
        faces=faces,
        uv=np.ascontiguousarray(uv, np.float32),
        uv_faces=np.ascontiguousarray(uv_faces, np.int32),
        weights=np.concatenate(parts.weights),
        bones=np.concatenate(parts.bones),
        heads=heads,
        shown=used,
        texel_rows=rows,
        texel_columns=columns,
        texel_triangle=triangle[rows, columns],
        texel_barycentric=np.ascontiguousarray(barycentric[rows, columns]),
    )
