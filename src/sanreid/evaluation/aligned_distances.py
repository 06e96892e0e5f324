"""AlignedReID's local distance and its sum with the global one, over all images together (Zhang et al. 2017).

Decisions: the sum is unweighted, as in the source; the global distance is euclidean between unit features, 0 to 2, and
the local one is the cost of a path over 2H - 1 cells, so that it has more weight. Re-ranking needs the distances
between all images, also between queries, so one (N, N) matrix is kept; its query-gallery part is ranked without
re-ranking.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sanreid import runtime
from sanreid.evaluation import distances, local_distance, reranking


def matrices(features: NDArray[np.float32], stripes: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield ("local", distances (N, N)) and ("sum", distances) of features (N, D) and stripes (N, H, c) of N images.

    Both are unit-normalised here. The second matrix overwrites the first, so use the first before asking for the
    second. Raises ValueError if the numbers of images differ or a value is not finite.
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
