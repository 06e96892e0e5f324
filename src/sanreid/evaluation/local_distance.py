"""AlignedReID's local distance (Zhang et al. 2017, section 3.1) between two sets of images, in blocks.

The cost of the shortest path from the first stripe of both images to the last of both, right or down, over
d_ij = tanh(e_ij / 2), e_ij the euclidean distance of the unit-normalised stripe i of one and j of the other.

Decisions: the paper's (exp(e) - 1) / (exp(e) + 1) is tanh(e / 2), which does not overflow. The inner products of all
stripes are one matrix product per block; the rest is one pass over it, vectorised along the gallery, with as many
threads as the product uses. A zero stripe stays zero: its distance to a unit stripe is tanh(1 / 2).
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from sanreid.compiled import njit

_GALLERY, _CELLS = 1024, 8 << 20  # gallery images a block; products of stripes held at a time (32 MB)


def aligned(query_stripes: NDArray[np.float32], gallery_stripes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Local distances (Q, G) of stripes (Q, H, c) and (G, H, c), which are unit-normalised here.

    For `ranking.evaluate_distances`. Raises ValueError where heights or widths differ, or a stripe is not finite.
    """
    query, gallery = _stripes(query_stripes, "query"), _stripes(gallery_stripes, "gallery")
    if query.shape[1:] != gallery.shape[1:]:
        raise ValueError(f"query stripes {query.shape[1:]}, gallery stripes {gallery.shape[1:]}: one model")
    height, width = query.shape[1:]
    result = np.empty((len(query), len(gallery)), np.float32)
    if not result.size:
        return result
    unit, length = _unit(query)
    rows = max(1, _CELLS // (height * height * min(_GALLERY, len(gallery))))
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(threads) as pool:
        for left in range(0, len(gallery), _GALLERY):
            part, other = _unit(gallery[left : left + _GALLERY].swapaxes(0, 1))  # (H, G', c): vectors along the gallery
            # a quarter of the squared distance: (|a|^2 + |b|^2 - 2ab) / 4, whose root is e / 2
            bias = torch.from_numpy(other.reshape(-1) / 4)
            columns = torch.from_numpy(part.reshape(-1, width)).T
            buffer = torch.empty(min(rows, len(query)) * height, columns.shape[1])
            for top in range(0, len(query), rows):
                some = unit[top : top + rows]
                out = buffer[: len(some) * height]
                torch.addmm(bias, torch.from_numpy(some.reshape(-1, width)), columns, alpha=-0.5, out=out)
                quarters = out.numpy().reshape(len(some), height, height, -1)
                norms = length[top : top + rows] / 4
                block = result[top : top + rows, left : left + _GALLERY]
                each = -(-len(some) // threads)
                pieces = [slice(k, k + each) for k in range(0, len(some), each)]
                waiting = [pool.submit(_paths, quarters[p], norms[p], block[p]) for p in pieces]
                for piece in waiting:
                    piece.result()
    return result


def alignment(
    one: NDArray[np.float32], other: NDArray[np.float32]
) -> tuple[NDArray[np.float32], list[tuple[int, int]]]:
    """The distances d_ij (H, H) of the stripes (H, c) of two images, and the shortest path as (i, j), from (0, 0) on.

    If two steps cost the same, the path goes down. The sum of d along the path is the local distance.
    """
    a, b = (_unit(_stripes(np.asarray(x)[None], name))[0][0] for x, name in ((one, "first"), (other, "second")))
    if a.shape != b.shape:
        raise ValueError(f"stripes {a.shape} and {b.shape}: one model")
    d = np.tanh(np.sqrt(np.square(a[:, None] - b[None, :]).sum(2)) / 2).astype(np.float32)
    height = len(d)
    cost = np.full((height, height), np.inf, np.float64)
    for i in range(height):
        for j in range(height):
            before = 0.0 if i == j == 0 else min(cost[i - 1, j] if i else np.inf, cost[i, j - 1] if j else np.inf)
            cost[i, j] = d[i, j] + before
    path = [(height - 1, height - 1)]
    while path[-1] != (0, 0):
        i, j = path[-1]
        down = i > 0 and (j == 0 or cost[i - 1, j] <= cost[i, j - 1])
        path.append((i - 1, j) if down else (i, j - 1))
    return d, path[::-1]


def _stripes(values: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    stripes = np.ascontiguousarray(values, np.float32)
    if stripes.ndim != 3 or 0 in stripes.shape[1:]:
        raise ValueError(f"{name} stripes must be (N, H, c), given {stripes.shape}")
    finite = np.isfinite(stripes.sum((1, 2)))
    if not len(stripes):
        return stripes
    if not finite.all():
        raise ValueError(f"{name} stripes are not finite (first in row {int(finite.argmin())}): the model has diverged")
    return stripes


def _unit(stripes: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Stripes (..., c) of length 1, or of 0 where they were 0, and the squares of those lengths (...)."""
    length = np.sqrt(np.einsum("...c,...c->...", stripes, stripes))
    some = (length > 0).astype(np.float32)
    unit = stripes / np.where(length > 0, length, np.float32(1))[..., None]
    return np.ascontiguousarray(unit, np.float32), some


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _paths(quarters, norms, result):
    """Shortest paths from `quarters` (B, H, H, G), to which `norms` (B, H) are still to be added, to `result` (B, G).

    tanh(x) for x in 0..1 is x (945 + 105 u + u^2) / (945 + 420 u + 15 u^2) with u = x^2, to 5e-8 (its continued
    fraction's fifth convergent): no exponential, so it runs in vector registers.
    """
    queries, height, _, gallery = quarters.shape
    cost = np.empty((height, gallery), np.float32)
    for b in range(queries):
        for i in range(height):
            norm = norms[b, i]
            for j in range(height):
                row, here = quarters[b, i, j], cost[j]
                behind = cost[j - 1] if j else here
                for g in range(gallery):
                    u = min(max(row[g] + norm, np.float32(0)), np.float32(1))
                    top = np.float32(945) + u * (np.float32(105) + u)
                    d = np.sqrt(u) * top / (np.float32(945) + u * (np.float32(420) + u * np.float32(15)))
                    if i and j:
                        here[g] = d + min(here[g], behind[g])
                    elif i:
                        here[g] = d + here[g]
                    elif j:
                        here[g] = d + behind[g]
                    else:
                        here[g] = d
        result[b, :] = cost[height - 1]
