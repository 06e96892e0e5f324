"""Shoes: the foot of any body pushed out to a smooth last, so that no toe shows and the sole is flat.

Decisions: the shoe has no mesh of its own; the foot's vertices move to a superellipse around the foot's envelope, so
the shoe keeps the foot's texture chart and skinning. The envelope (centre, half-width, top along the foot's length) is
measured on each body, hence fits every shape.
"""

from functools import lru_cache

import numpy as np

from sanreid.synthesis import body

STATIONS = 24  # cross-sections along a foot
THICKNESS = 0.006  # metres of leather around the foot
SOLE = 0.016  # metres, height of the sole's upper edge
ANKLE = (0.075, 0.105)  # metres above the ground between which the last gives way to the leg


@lru_cache(maxsize=1)
def _foot_vertices() -> dict[str, np.ndarray]:
    """Vertex indices of each foot on the canonical body."""
    adult = body.canonical()
    ground = adult.vertices[:, 2].min()
    low = (adult.foot > 0.5) & (adult.vertices[:, 2] < ground + ANKLE[1] + 0.03)
    return {side: np.nonzero(low & (sign * adult.vertices[:, 0] > 0))[0] for side, sign in (("L", 1), ("R", -1))}


def put_on(vertices: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """A copy of a body's rest-pose `vertices` (n, 3) with both feet in shoes; heads (bones, 3) are its bone heads."""
    out = vertices.copy()
    skeleton = body.model()
    ground = vertices[:, 2].min()
    size = (vertices[:, 2].max() - ground) / 1.67  # relative to the canonical body
    for side, index in _foot_vertices().items():
        ankle = heads[skeleton.bone(f"foot.{side}")]
        forward = heads[skeleton.bone(f"toe3-1.{side}")] - ankle
        forward = np.array([forward[0], forward[1], 0]) / np.hypot(forward[0], forward[1])
        across = np.array([-forward[1], forward[0], 0])
        offset = vertices[index] - ankle
        length, width, height = offset @ forward, offset @ across, vertices[index, 2] - ground
        centre, half, top, measured = _envelope(length, width, height, size)
        u = (width - centre) / half
        v = 2 * np.clip(height / measured, 0, 1) - 1  # by the foot's own height: a toe's upper side stays above
        angle = np.arctan2(v, u)
        power = np.where(v < 0, 6.0, 2.4)  # a flat sole with a sharp edge, a round upper
        radius = (np.abs(np.cos(angle)) ** power + np.abs(np.sin(angle)) ** power) ** (-1 / power)
        target = ankle + np.outer(length, forward) + np.outer(centre + half * radius * np.cos(angle), across)
        target[:, 2] = ground + top / 2 * (1 + radius * np.sin(angle))
        blend = np.clip((ANKLE[1] - height / size) / (ANKLE[1] - ANKLE[0]), 0, 1)[:, None]
        out[index] += (blend * (target - vertices[index])).astype(np.float32)
    return out


def _envelope(length, width, height, size):
    """Centre, half-width and top of the last at each vertex, and the foot's own height there."""
    first, last = length.min(), length.max()
    place = (length - first) / (last - first)
    station = np.minimum((place * STATIONS).astype(int), STATIONS - 1)
    low = height < ANKLE[0] * size
    right, left = np.full(STATIONS, -np.inf), np.full(STATIONS, np.inf)
    top = np.zeros(STATIONS)
    np.maximum.at(right, station[low], width[low])
    np.minimum.at(left, station[low], width[low])
    np.maximum.at(top, station[low], height[low])
    measured = np.maximum.accumulate(top[::-1])[::-1].copy()
    right, left = _upper_hull(right), -_upper_hull(-left)  # a toe cap bridges the gaps between toes
    centre, half = (right + left) / 2, np.maximum((right - left) / 2, 0.012 * size)
    ball = int(np.argmax(half[STATIONS // 2 :])) + STATIONS // 2
    tip = np.clip((np.arange(STATIONS) - ball) / (STATIONS - ball), 0, None)  # 0 at the ball of the foot, 1 at the tip
    top = np.where(tip > 0, np.maximum(top, 0.055 * size * (1 - 0.25 * tip**2)), top)
    kernel = np.array([0.25, 0.5, 0.25])
    for _ in range(2):
        centre, half, top, measured = (
            np.convolve(np.pad(x, 1, mode="edge"), kernel, "valid") for x in (centre, half, top, measured)
        )
    grid = (np.arange(STATIONS) + 0.5) / STATIONS
    at = [
        np.interp(place, grid, values) for values in (centre, half + THICKNESS * size, top + THICKNESS * size, measured)
    ]
    return at[0], at[1], at[2], at[3]


def _upper_hull(values: np.ndarray) -> np.ndarray:
    """The least concave curve over `values` at 0, 1, 2, ... (Andrew's monotone chain)."""
    hull: list[int] = []
    for i in range(len(values)):
        while len(hull) >= 2:
            a, b = hull[-2], hull[-1]
            if (values[b] - values[a]) * (i - a) > (values[i] - values[a]) * (b - a):
                break
            hull.pop()
        hull.append(i)
    return np.interp(np.arange(len(values)), hull, values[hull])
