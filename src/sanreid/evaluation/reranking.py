"""k-reciprocal re-ranking (Zhong et al., CVPR 2017) in blocks: the published results with much less memory.

Decisions:
- The published arithmetic: squared euclidean distances over query and gallery together, each row divided by its
  maximum; the expansion of the reciprocal sets if 2/3 overlap; the local query expansion; the Jaccard distance.
- The published code keeps several (N, N) matrices of all N = Q + G images, 10 GB at Market-1501's size. Here distances
  are computed in blocks of rows, from which only each image's nearest neighbours and largest distance are kept; the
  neighbour vectors are sparse. Beside the (Q, G) result that needs some hundred bytes per image and two blocks.
- On another device than the CPU the two slow steps run there (device_reranking.py).
- The distance of two images is computed once for both. Distances between queries and gallery are computed again for the
  result, because keeping them would need as much memory as the result.
- The loops are compiled, which takes seconds on a machine that never did it. `compiled=False` takes numpy's
  (`reranking_numpy`), bit for bit the same: slower for many images, and there at once.
"""

from collections.abc import Callable, Iterable, Iterator
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray

from sanreid import runtime
from sanreid.evaluation import device_reranking, distances, reranking_kernels, reranking_numpy

LARGE = 4 << 30  # bytes of memory that are worth a line before they are asked for
_PAIRS = 8192  # of features whose distance is taken at once


def k_reciprocal(
    query_features: NDArray[np.float32],
    gallery_features: NDArray[np.float32],
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
    device: str | torch.device = "cpu",
    compiled: bool = True,
) -> NDArray[np.float32]:
    """Re-ranked distances (Q, G) of features (Q, D) and (G, D), for `ranking.evaluate_distances`.

    `k1` neighbours are reciprocal, vectors are averaged over `k2`, and `lambda_value` weighs the original distance
    beside the Jaccard distance. On another `device` than the CPU the same to 1e-5, but for neighbours that float32
    cannot tell apart. Raises ValueError where a parameter is out of range, fewer than k1 + 1 images are
    there, the widths differ or a feature is not finite. `compiled` changes the speed alone, on the CPU.
    """
    query, gallery = (np.ascontiguousarray(f, np.float32) for f in (query_features, gallery_features))
    _check(len(query), len(gallery), k1, k2, lambda_value)
    if torch.device(device).type != "cpu":
        return there(query, gallery, k1, k2, lambda_value, torch.device(device))
    loops = reranking_kernels if compiled else reranking_numpy
    ranks, near, largest = _neighbours(query, gallery, k1, loops)

    def others(owners: NDArray[np.int32], columns: NDArray[np.int32]) -> NDArray[np.float32]:
        return _pairs(query, gallery, owners, columns)

    blocks = distances.blocks(query, gallery)
    return _rerank(ranks, near, largest, others, blocks, (len(query), len(gallery)), k1, k2, lambda_value, loops)


def jaccard(
    features: NDArray[np.float32], k1: int = 20, k2: int = 6, compiled: bool = True
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield (first image, (B, N) Jaccard distances of images first.. to all N) for features (N, D), a block at a time.

    These are the Jaccard distances in `k_reciprocal`, of one set with itself: in [0, 1], and 1 if two images have no
    neighbour in common. Each block overwrites the previous one. Raises ValueError as `k_reciprocal` does.
    """
    images = np.ascontiguousarray(features, np.float32)
    _check(1, len(images) - 1, k1, k2, 0)
    none, loops = images[:0], reranking_kernels if compiled else reranking_numpy
    ranks, near, largest = _neighbours(none, images, k1, loops)

    def others(owners: NDArray[np.int32], columns: NDArray[np.int32]) -> NDArray[np.float32]:
        return _pairs(none, images, owners, columns)

    vectors, shares = _vectors(ranks, near, largest, others, 0, k1, k2, loops)
    rows = distances.block_rows(len(images))
    buffer = np.empty((min(rows, len(images)), len(images)), np.float32)
    for first in range(0, len(images), rows):
        block = buffer[: min(rows, len(images) - first)]
        block[:] = 0
        loops.blend(block, np.ones(len(block), np.float32), np.float32(0), first, *vectors, *shares)
        yield first, block


def there(
    query: NDArray[np.float32],
    gallery: NDArray[np.float32],
    k1: int,
    k2: int,
    lambda_value: float,
    device: torch.device,
) -> NDArray[np.float32]:
    """`k_reciprocal` with device_reranking.py on any device; its parameters are already checked."""
    distances.check(query, gallery, "euclidean")
    images = torch.cat([torch.from_numpy(f).to(device) for f in (query, gallery)])
    ranks, near, largest = device_reranking.neighbours(images, k1 + 1)

    def others(owners: NDArray[np.int32], columns: NDArray[np.int32]) -> NDArray[np.float32]:
        return device_reranking.pairs(images, owners, columns)

    vectors, shares = _vectors(ranks, near, largest, others, len(query), k1, k2)
    return device_reranking.blended(images, len(query), largest, vectors, shares, lambda_value)


def from_distances(
    together: NDArray[np.float32], queries: int, k1: int = 20, k2: int = 6, lambda_value: float = 0.3
) -> NDArray[np.float32]:
    """The same from the distances `together` (N, N) of all images, the first `queries` of which are queries: (Q, G).

    They are squared here, as the published code does and as `k_reciprocal` takes them. An image need not be nearest to
    itself. Raises ValueError as `k_reciprocal` does, and where the matrix is not square.
    """
    if together.ndim != 2 or together.shape[0] != together.shape[1] or not 0 < queries < len(together):
        raise ValueError(
            f"re-ranking: distances {together.shape} of all images with one another, {queries} of them queries"
        )
    gallery = len(together) - queries
    _check(queries, gallery, k1, k2, lambda_value)
    if not np.isfinite(together.max(initial=0)):
        raise ValueError("re-ranking: the distances are not finite: mend the features they come from")
    ranks = np.zeros((len(together), k1 + 1), np.int32)
    near = np.full((len(together), k1 + 1), np.inf, np.float32)
    reranking_kernels.nearest(together, 0, ranks, near)
    largest = np.square(together.max(1))

    def others(owners: NDArray[np.int32], columns: NDArray[np.int32]) -> NDArray[np.float32]:
        return np.square(together[owners, columns])

    rows = distances.block_rows(gallery)
    blocks = ((i, np.square(together[i : min(i + rows, queries), queries:])) for i in range(0, queries, rows))
    scale = np.where(largest > 0, largest, np.float32(1))
    return _rerank(ranks, np.square(near), scale, others, blocks, (queries, gallery), k1, k2, lambda_value)


def _check(queries: int, gallery: int, k1: int, k2: int, lambda_value: float) -> None:
    """Refuse impossible parameters, and log how much memory is needed if that is much."""
    if (
        not (1 <= k2 <= k1 + 1 <= queries + gallery and k1 >= 1 and 0 <= lambda_value <= 1)
        or not queries
        or not gallery
    ):
        raise ValueError(
            f"re-ranking {queries} queries and {gallery} gallery images with k1 {k1}, k2 {k2}, lambda "
            f"{lambda_value}: wanted are k1 >= 1, 1 <= k2 <= k1 + 1 <= images, and lambda in 0..1"
        )
    result_bytes, extra = memory(queries, gallery, k1, k2)
    log = runtime.log.warning if result_bytes + extra > LARGE else runtime.log.debug
    log("re-ranking: %.2f GB for the result, at most about %.2f GB beside it", result_bytes / 1e9, extra / 1e9)


def _rerank(
    ranks: NDArray[np.int32],
    near: NDArray[np.float32],
    largest: NDArray[np.float32],
    others: Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.float32]],
    blocks: Iterable[tuple[int, NDArray[np.float32]]],
    shape: tuple[int, int],
    k1: int,
    k2: int,
    lambda_value: float,
    loops: ModuleType = reranking_kernels,
) -> NDArray[np.float32]:
    """Re-ranked distances `shape` = (Q, G) from all images' nearest (N, k1+1), their squared distances, the largest.

    `others` gives the squared distances of pairs that are not among them, `blocks` those of the queries to the gallery.
    """
    vectors, shares = _vectors(ranks, near, largest, others, shape[0], k1, k2, loops)
    result = np.empty(shape, np.float32)
    for first, block in blocks:
        rows = slice(first, first + len(block))
        loops.blend(block, 1 / largest[rows], np.float32(lambda_value), first, *vectors, *shares)
        result[rows] = block
    return result


def _vectors(
    ranks: NDArray[np.int32],
    near: NDArray[np.float32],
    largest: NDArray[np.float32],
    others: Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.float32]],
    queries: int,
    k1: int,
    k2: int,
    loops: ModuleType = reranking_kernels,
) -> tuple[device_reranking.Vectors, device_reranking.Vectors]:
    """All images' neighbour vectors as a CSR triple, and those of the gallery transposed; arguments as `_rerank`'s."""
    starts, columns = loops.expanded_sets(ranks, k1, int(np.around(k1 / 2)))
    owners = np.repeat(np.arange(len(ranks), dtype=np.int32), np.diff(starts))
    original = loops.looked_up(ranks, near, owners, columns)
    missing = np.flatnonzero(np.isnan(original))
    original[missing] = others(owners[missing], columns[missing])
    values = np.exp(-original / largest[owners])
    loops.normalise(starts, values)
    vectors = starts, columns, values
    if k2 > 1:
        vectors = loops.averaged(*vectors, ranks, k2)
    return vectors, loops.inverted(*vectors, queries)


def memory(queries: int, gallery: int, k1: int = 20, k2: int = 6) -> tuple[int, int]:
    """Bytes of the result, and about the most that is taken beside it (features not counted)."""
    count = queries + gallery
    neighbours = count * (k1 + 1) * 8
    sets = count * 2 * k1 * 8  # an expanded set seldom holds more than twice k1
    return 4 * queries * gallery, 2 * distances.BLOCK_BYTES + neighbours + sets * (1 + 2 * k2)


def _neighbours(
    query: NDArray[np.float32], gallery: NDArray[np.float32], k1: int, loops: ModuleType = reranking_kernels
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Of all images, queries first: the k1 + 1 nearest (N, k1+1) in ascending order, their distances, the largest."""
    count = len(query) + len(gallery)
    ranks = np.zeros((count, k1 + 1), np.int32)
    near = np.full((count, k1 + 1), np.inf, np.float32)
    largest = np.zeros(count, np.float32)

    def fold(block: NDArray[np.float32], top: int, left: int, doubled: int) -> None:
        """Distances of images top.. to images left.., both ways but for the first `doubled` columns."""
        rows, others = slice(top, top + len(block)), block[:, doubled:]
        columns = slice(left + doubled, left + block.shape[1])
        loops.nearest(block, left, ranks[rows], near[rows])
        loops.nearest_rows(others, top, ranks[columns], near[columns])
        np.maximum(largest[rows], block.max(1), out=largest[rows])
        np.maximum(largest[columns], others.max(0, initial=0), out=largest[columns])

    # in this order every image meets the others in theirs: queries first, then the gallery
    for first, block in distances.triangle(query):
        fold(block, first, first, len(block))
    for first, block in distances.blocks(query, gallery):
        fold(block, first, len(query), 0)
    for first, block in distances.triangle(gallery):
        fold(block, len(query) + first, len(query) + first, len(block))
    # only where all images coincide: distances of 0 stay 0
    return ranks, near, np.where(largest > 0, largest, np.float32(1))


def _pairs(
    query: NDArray[np.float32],
    gallery: NDArray[np.float32],
    owners: NDArray[np.int32],
    columns: NDArray[np.int32],
) -> NDArray[np.float32]:
    """The squared distances of the pairs (owner, column) of all images, computed for each pair."""
    result = np.empty(len(owners), np.float32)
    q, g = torch.from_numpy(query), torch.from_numpy(gallery)

    def features(images: NDArray[np.int32]) -> torch.Tensor:
        out = torch.empty(len(images), q.shape[1])
        of_query = torch.from_numpy(images < len(q))
        numbers = torch.from_numpy(images).long()
        out[of_query] = q[numbers[of_query]]
        out[~of_query] = g[numbers[~of_query] - len(q)]
        return out

    for first in range(0, len(owners), _PAIRS):
        part = slice(first, first + _PAIRS)
        result[part] = features(owners[part]).sub_(features(columns[part])).square_().sum(1).numpy()
    return result
