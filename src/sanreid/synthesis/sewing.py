"""Joins the edges of a predicted texture where the trunk's chart is cut, so that a person turned shows no seam.

A network predicts blurred colours, and those of the two edges of a cut, far apart in the texture, do not match: on the
body a line runs down the back and across the shoulders, which no person has (benchmarks/seams.py measures it).

Decisions: only for showing a predicted texture on the body; the texture itself stays as predicted. The outermost texels
of each chart, into which the network blurs the grey around it, take the colour of the texels DEEP inside. At the cut
both edges get their mean, and the change fades out over REACH texels. Only texels of the trunk whose partner across the
cut lies on the trunk too are joined: where neck, sleeves and trousers begin, colours may differ.
"""

from functools import lru_cache

import cv2
import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

from sanreid.synthesis import body, texels

REACH = 24  # texels of the body's own texture
DEEP = 5  # the same
CLOSE, APART = 0.015, 12  # partners: metres on the body at most, texels in the texture at least
NEIGHBOURS = 8  # border texels whose changes are averaged


def trunk() -> np.ndarray:
    """Which of `texels()` are the trunk's (n,)."""
    surface = texels.texels()
    return (surface.arm < 0.3) & (surface.leg < 0.3) & (surface.head < 0.5)


@lru_cache(maxsize=1)
def _inner() -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns (n,) of the texel that each texel of `texels()` takes its colour from."""
    inside = body.texel_faces()[0] >= 0
    deep = np.asarray(ndimage.distance_transform_edt(inside)) > DEEP
    rows, columns = np.asarray(ndimage.distance_transform_edt(~deep, return_distances=False, return_indices=True))
    away = np.hypot(*(np.stack([rows, columns]) - np.indices(inside.shape)))
    chart = ndimage.label(inside)[0]
    own = (chart[rows, columns] == chart) & (away < 2 * DEEP)  # a finger has nothing deep inside
    at = texels.texel_index()
    rows, columns = (np.where(own, far, near) for far, near in zip((rows, columns), np.indices(own.shape), strict=True))
    return rows[at], columns[at]


@lru_cache(maxsize=1)
def _cut() -> tuple[np.ndarray, np.ndarray]:
    """Pairs (n, 2) of texels of the trunk, as numbers of `texels()`, that touch on the body across a cut."""
    surface, places = texels.texels(), np.stack(texels.texel_index(), 1)
    inside = np.zeros((body.TEXTURE, body.TEXTURE), bool)
    inside[tuple(places.T)] = True
    edge = (inside & ~ndimage.binary_erosion(inside))[tuple(places.T)]
    border = np.flatnonzero(edge & trunk())
    near, close = KDTree(surface.position[border]).query(surface.position[border], k=40, distance_upper_bound=CLOSE)
    known = np.isfinite(near)
    close = np.where(known, close, 0)
    apart = np.linalg.norm(places[border][close] - places[border][:, None], axis=2) > APART
    good = known & apart
    first = good.argmax(1)  # they are sorted by distance
    found = good.any(1)
    return border[found], border[close[found, first[found]]]


@lru_cache(maxsize=1)
def _faded() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The trunk's texels within REACH of the cut (m,), the numbers (m, NEIGHBOURS) of the pairs whose changes they
    take, and the weights (m, NEIGHBOURS) of these."""
    places, (ours, _), own = np.stack(texels.texel_index(), 1), _cut(), np.flatnonzero(trunk())
    distance, number = KDTree(places[ours]).query(places[own], k=NEIGHBOURS)
    reached = distance[:, 0] < REACH
    distance, number = distance[reached], number[reached]
    weight = 1 / (1 + distance)
    weight *= np.maximum(0, 1 - distance[:, :1] / REACH) / weight.sum(1, keepdims=True)
    return own[reached], number, weight


def sewn(texture: np.ndarray) -> np.ndarray:
    """A texture (T, T, 3) uint8 in the body's layout with the trunk's edges joined: (256, 256, 3) uint8."""
    whole = cv2.resize(texture, (body.TEXTURE, body.TEXTURE), interpolation=cv2.INTER_LINEAR)
    colours = whole[_inner()].astype(np.float32)
    ours, theirs = _cut()
    change = (colours[theirs] - colours[ours]) / 2
    at, number, weight = _faded()
    colours[at] += (change[number] * weight[..., None]).sum(1)
    out = 255 * texels.unfold(np.clip(colours / 255, 0, 1))
    return (out + 0.5).astype(np.uint8)
