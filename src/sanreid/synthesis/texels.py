"""Positions on the body's surface, described once for texels (to paint them) and vertices (to displace them).

Decisions: a garment is a function of the place on the canonical body, so cloth follows the body over the seams of the
texture, and because paint and geometry ask the same function, a hem's colour ends where its cloth ends. Place along
an arm and around trunk and limbs are measured on the surface, so that stripes and checks do not smear at the sides.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from sanreid.synthesis import body, shoes

GUTTER = 3  # texels painted around each chart, so that filtering never meets the empty grey
EMPTY = 0.5  # grey of texels that do not exist


@dataclass(frozen=True)
class Landmarks:
    """Heights (metres, canonical body) and points that garments refer to."""

    ground: float
    ankle: float
    knee: float
    hip: float
    waist: float
    neck: float
    neck_y: float
    eyes: np.ndarray  # (2, 3)
    skull: np.ndarray  # (3,) the head's centre


@dataclass(frozen=True)
class Surface:
    """Points of the canonical body with what garments need to know about them; arrays of n values."""

    position: np.ndarray  # (n, 3)
    arm: np.ndarray  # skinning weight of the arms
    leg: np.ndarray
    hand: np.ndarray  # 0 to 1, parts of the body
    foot: np.ndarray
    head: np.ndarray
    eye: np.ndarray
    sleeve: np.ndarray  # along the arm: 0 shoulder, 0.5 elbow, 1 wrist
    around: np.ndarray  # metres around the trunk or limb
    along: np.ndarray  # metres along it
    height_shod: np.ndarray  # metres above the ground once shoes are on

    @property
    def x(self) -> np.ndarray:
        """Metres to the person's left."""
        return self.position[:, 0]

    @property
    def y(self) -> np.ndarray:
        """Metres to the back."""
        return self.position[:, 1]

    @property
    def z(self) -> np.ndarray:
        """Metres up."""
        return self.position[:, 2]


@lru_cache(maxsize=1)
def landmarks() -> Landmarks:
    """The canonical body's landmarks."""
    adult, skeleton = body.canonical(), body.model()

    def head(name: str) -> np.ndarray:
        return adult.heads[skeleton.bone(name)]

    return Landmarks(
        ground=float(adult.vertices[:, 2].min()),
        ankle=float(head("foot.L")[2]),
        knee=float(head("lowerleg01.L")[2]),
        hip=float(head("upperleg01.L")[2]),
        waist=float(head("spine04")[2]),
        neck=float(head("neck01")[2]),
        neck_y=float(head("neck01")[1]),
        eyes=np.stack([head("eye.L"), head("eye.R")]),
        skull=head("head") + np.array([0, -0.01, 0.09]),
    )


def _along(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    axis = end - start
    return (points - start) @ axis / (axis @ axis)


def _around(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Angle of each point about the axis from `start` to `end`, zero at the front, in radians."""
    axis = (end - start) / np.linalg.norm(end - start)
    front = np.array([0.0, -1.0, 0.0])
    front -= (front @ axis) * axis
    front /= np.linalg.norm(front)
    offset = points - start
    return np.arctan2(offset @ np.cross(axis, front), offset @ front)


@lru_cache(maxsize=1)
def vertices() -> Surface:
    """The vertices of the body mesh."""
    adult, skeleton, marks = body.canonical(), body.model(), landmarks()
    folded = adult.vertices * [1, 1, 1]
    folded[:, 0] = np.abs(folded[:, 0])  # both sides at once: the body is symmetric

    def head(name: str) -> np.ndarray:
        return adult.heads[skeleton.bone(name)]

    shoulder, elbow, wrist = head("upperarm01.L"), head("lowerarm01.L"), head("wrist.L")
    upper, lower = _along(folded, shoulder, elbow), _along(folded, elbow, wrist)
    sleeve = np.where(upper < 1, 0.5 * upper, 0.5 + 0.5 * np.maximum(0, lower))
    trunk = np.arctan2(adult.vertices[:, 0], marks.neck_y + 0.01 - adult.vertices[:, 1])
    around, along = 0.15 * trunk, adult.vertices[:, 2].astype(np.float64)
    side = np.sign(adult.vertices[:, 0])
    limb = adult.leg > 0.5
    around = np.where(limb, side * 0.075 * _around(folded, head("upperleg01.L"), head("foot.L")) + 0.1 * side, around)
    limb = adult.arm > 0.5
    axis = np.where((upper < 1)[:, None], elbow - shoulder, wrist - elbow)
    reach = np.where(upper < 1, upper, 1 + lower) * np.linalg.norm(axis, axis=1)
    turn = np.where(upper < 1, _around(folded, shoulder, elbow), _around(folded, elbow, wrist))
    around, along = np.where(limb, side * 0.05 * turn, around), np.where(limb, shoulder[2] - reach, along)
    shod = shoes.put_on(adult.vertices, adult.heads)[:, 2] - marks.ground
    parts = (adult.arm, adult.leg, adult.hand, adult.foot, adult.head, adult.eye)
    return Surface(adult.vertices, *parts, *(a.astype(np.float32) for a in (sleeve, around, along, shod)))


@lru_cache(maxsize=1)
def texel_index() -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the texels on the body's charts, in the order of `texels()`."""
    rows, columns = np.nonzero(body.texel_faces()[0] >= 0)
    return rows, columns


@lru_cache(maxsize=1)
def texels() -> Surface:
    """The texels on the body's charts; angles are interpolated in a triangle without crossing their jump."""
    triangle, barycentric = body.texel_faces()
    index = texel_index()
    corners = body.model().faces[triangle[index]]
    weights = np.concatenate([barycentric[index], 1 - barycentric[index].sum(-1, keepdims=True)], 1)
    values = {}
    for name, array in vars(vertices()).items():
        at = array[corners]  # (texels, 3 corners[, 3])
        if name == "around":
            at = np.where(np.ptp(at, axis=1, keepdims=True) > 0.2, at[:, :1], at)
        values[name] = (at * (weights[..., None] if at.ndim == 3 else weights)).sum(1).astype(np.float32)
    return Surface(**values)


@lru_cache(maxsize=1)
def _spreading() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each texel in a chart or its gutter: row, column and the index of the nearest texel of `texels()`."""
    inside = body.texel_faces()[0] >= 0
    nearest = np.asarray(ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True))
    distance = np.hypot(*(nearest - np.indices(inside.shape)))
    number = np.full(inside.shape, -1)
    number[texel_index()] = np.arange(inside.sum())
    rows, columns = np.nonzero(distance <= GUTTER)
    return rows, columns, number[nearest[0][rows, columns], nearest[1][rows, columns]]


def unfold(colours: np.ndarray) -> np.ndarray:
    """A texture (256, 256, 3) float32 from the colours (n, 3) of `texels()`: charts, gutters, grey elsewhere."""
    out = np.full((body.TEXTURE, body.TEXTURE, 3), EMPTY, np.float32)
    rows, columns, source = _spreading()
    out[rows, columns] = colours[source]
    return out
