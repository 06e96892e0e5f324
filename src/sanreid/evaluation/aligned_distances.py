"""AlignedReID's local distance and its sum with the global one, over all images together (Zhang et al. 2017).

Decisions: the sum is plain, as in the source: the global distance is the euclidean one of unit features, 0 to 2, the
local one a path over 2H - 1 cells, so it weighs more. Re-ranking wants the distances of all images with one another,
queries too, so one (N, N) matrix is held, whose part of queries and gallery is what is ranked without it.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sanreid import runtime
from sanreid.evaluation import distances, local_distance, reranking


def matrices(features: NDArray[np.float32], stripes: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield ("local", distances (N, N)) and ("sum", distances) of features (N, D) and stripes (N, H, c) of N images.

    Both are unit-normalised here. Done with the first matrix before asking for the second: it is made in its place.
    Raises ValueError where the numbers differ or a value is not finite.
    """
    count = len(features)
    if count != len(stripes):
        raise ValueError(f"{count} features, but stripes of {len(stripes)} images")
    log = runtime.log.warning if 4 * count * count > reranking.LARGE else runtime.log.info
    log("local distances of %d images with one another: %.2f GB", count, 4e-9 * count * count)
    result = local_distance.aligned(stripes, stripes)
    yield "local", result
    length = np.sqrt(np.einsum("nd,nd->n", features, features))[:, None]
    unit = np.asarray(features / np.where(length > 0, length, 1), np.float32)
    for start, block in distances.blocks(unit, unit):
        np.sqrt(block.clip(min=0, out=block), out=block)
        result[start : start + len(block)] += block
    yield "sum", result
