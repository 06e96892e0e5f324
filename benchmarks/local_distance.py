"""AlignedReID's local distance at Market-1501's scale, 8 stripes of 128, beside the bare product of all stripes.

The claim: at most 3 times the matrix product alone, under 150 MB.

    python benchmarks/local_distance.py          # 674 queries
    python benchmarks/local_distance.py --full   # all 3,368
"""

import argparse

import measuring
import numpy as np
import torch

from sanreid.evaluation import local_distance

STRIPES, WIDTH = 8, 128


def product(query: np.ndarray, gallery: np.ndarray) -> None:
    """The products of all stripes, a block at a time: what no local distance can do without."""
    q = torch.from_numpy(query.reshape(-1, WIDTH))
    g = torch.from_numpy(gallery.reshape(-1, WIDTH))
    rows, columns = 2048, 8192
    out = torch.empty(rows, columns)
    for left in range(0, len(g), columns):
        part = g[left : left + columns].T
        for top in range(0, len(q), rows):
            some = q[top : top + rows]
            torch.mm(some, part, out=out.view(-1)[: len(some) * part.shape[1]].view(len(some), -1))


def plain(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """As published (numpy, the dynamic programme vectorised over the pairs), a query at a time."""
    unit = [x / np.linalg.norm(x, axis=2, keepdims=True) for x in (query, gallery)]
    result = np.empty((len(query), len(gallery)), np.float32)
    for q, image in enumerate(unit[0]):
        e = np.sqrt(np.maximum(2 - 2 * np.einsum("ic,gjc->gij", image, unit[1], optimize=True), 1e-12))
        d = (np.exp(e) - 1) / (np.exp(e) + 1)
        cost = d.copy()
        for i in range(STRIPES):
            for j in range(STRIPES):
                if i and j:
                    cost[:, i, j] += np.minimum(cost[:, i - 1, j], cost[:, i, j - 1])
                elif i or j:
                    cost[:, i, j] += cost[:, i - 1, j] if i else cost[:, i, j - 1]
        result[q] = cost[:, -1, -1]
    return result


def main(full: bool, repeats: int) -> None:
    """Measure, print, record."""
    rng = np.random.default_rng(0)
    queries = measuring.QUERIES if full else measuring.QUERIES // 5
    query, gallery = (rng.standard_normal((n, STRIPES, WIDTH), np.float32) for n in (queries, measuring.GALLERY))
    local_distance.aligned(query[:9], gallery[:50])  # compile
    extra = measuring.extra_mb(local_distance.aligned, query, gallery)
    beyond = None if extra is None else extra - 4e-6 * len(query) * len(gallery)
    bare, ours = measuring.alternating(
        repeats, lambda: product(query, gallery), lambda: local_distance.aligned(query, gallery)
    )
    few = query[:20]
    slow, expected = measuring.timed(plain, few, gallery)
    worst = np.abs(local_distance.aligned(few, gallery) - expected).max()
    pairs, loop = len(query) * len(gallery), slow / (len(few) * len(gallery))
    times = measuring.ratio(ours, bare)
    print(f"{len(query)} x {len(gallery)}, {STRIPES} stripes of {WIDTH}, {torch.get_num_threads()} threads")
    print(f"product alone {1e9 * min(bare) / pairs:.0f} ns a pair, ours {1e9 * min(ours) / pairs:.0f} ns", end="")
    print(f", numpy {1e9 * loop:.0f} ns; largest difference {worst:.1e}")
    print(f"ratio to the product {times:.2f} (bar 3), {beyond or 0:.0f} MB beyond the result (bar 150)")
    measuring.record(
        "local distance",
        scale=f"{len(query)} x {len(gallery)}, {STRIPES} stripes of {WIDTH}",
        ours_s=min(ours),
        reference="the bare matrix product",
        reference_s=min(bare),
        times_the_reference=times,
        bar="at most 3 times",
        extra_mb=beyond,
        told=f"{1e9 * min(ours) / pairs:.0f} ns a pair; numpy {1e9 * loop:.0f}",
    )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--full", action="store_true", help="all queries")
    arguments.add_argument("--repeats", type=int, default=3, help="alternating runs of ours and the product")
    given = arguments.parse_args()
    main(given.full, given.repeats)
