"""Evaluation at Market-1501's scale from 2048-d features, beside the bare matrix product and beside plain Python.

The claim: blocked evaluation costs at most 1.5x the matrix product alone, with under 150 MB extra memory, and equals a
sort-based reference on the same float32 distances. Runs alternate in one process; the ratios are what counts.

    python benchmarks/ranking.py          # quick: product and ours at full scale, the reference on 100 queries
    python benchmarks/ranking.py --full   # the reference on all queries
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sanreid.evaluation import distances
from sanreid.evaluation.ranking import Embeddings, evaluate, evaluate_distances

QUERIES, GALLERY, WIDTH, PEOPLE, CAMERAS = 3368, 19732, 2048, 750, 6  # 3,819 of the gallery junk, 2,798 distractors


def market() -> tuple[Embeddings, Embeddings]:
    """Features that resemble a trained network's: non-negative, and not all of them found at once."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(PEOPLE + 1, WIDTH)).astype(np.float32)
    gallery_pids = rng.permutation(np.r_[np.full(3819, -1), np.zeros(2798, int), rng.integers(1, PEOPLE + 1, 13115)])
    query_pids = rng.integers(1, PEOPLE + 1, QUERIES)

    def embed(pids: np.ndarray) -> Embeddings:
        noise = rng.standard_normal((len(pids), WIDTH), dtype=np.float32)
        noise *= 2.8
        noise += centres[np.maximum(pids, 0)]
        return Embeddings(np.maximum(noise, 0, out=noise), pids, rng.integers(1, CAMERAS + 1, len(pids)))

    return embed(query_pids), embed(gallery_pids)


def product(query: Embeddings, gallery: Embeddings) -> None:
    """The bare matrix product in the same blocks: what no evaluation can do without."""
    q, g = torch.from_numpy(query.features), torch.from_numpy(gallery.features)
    rows = distances.block_rows(len(gallery))
    out = torch.empty(rows, len(gallery))
    for start in range(0, len(q), rows):
        part = q[start : start + rows]
        torch.mm(part, g.T, out=out[: len(part)])


def reference(matrix: np.ndarray, query: Embeddings, gallery: Embeddings) -> tuple[float, float]:
    """What users run where Cython is not built: sort each row, then walk down it in Python. Rank-1 and mAP."""
    assert query.camids is not None
    assert gallery.camids is not None
    precisions, firsts = [], []
    for q in range(len(matrix)):
        order = np.argsort(matrix[q], kind="stable")
        found, place, total, first = 0, 0, 0.0, 0
        for g in order:
            same = gallery.pids[g] == query.pids[q]
            if gallery.pids[g] == -1 or (same and gallery.camids[g] == query.camids[q]):
                continue
            place += 1
            if same:
                found += 1
                total += found / place
                first = first or place
        if found:
            precisions.append(total / found)
            firsts.append(first)
    return float(np.mean(np.array(firsts) == 1)), float(np.mean(precisions))


def timed(work: Callable[..., Any], *args: Any) -> tuple[float, Any]:
    """Seconds and result."""
    start = time.perf_counter()
    result = work(*args)
    return time.perf_counter() - start, result


def extra_mb(work: Callable[..., Any], *args: Any) -> float:
    """How far the process's resident memory rises above its present level; NaN where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return float("nan")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from the present level
    before = _status_mb("VmRSS")
    work(*args)
    return _status_mb("VmHWM") - before


def _status_mb(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))


def main(full: bool, repeats: int) -> None:
    """Measure and print."""
    query, gallery = market()
    small = Embeddings(query.features[:50], query.pids[:50], None if query.camids is None else query.camids[:50])
    evaluate(small, gallery)  # compile, and let the product allocate its workspace
    ours, bare = [], []
    extra = extra_mb(evaluate, query, gallery)
    result = evaluate(query, gallery)
    for _ in range(repeats):
        bare.append(timed(product, query, gallery)[0])
        ours.append(timed(evaluate, query, gallery)[0])

    count = QUERIES if full else 100
    part = slice(0, count)
    assert query.camids is not None
    few = Embeddings(query.features[part], query.pids[part], query.camids[part])
    matrix = distances.matrix(few.features, gallery.features)
    seconds, (rank1, mean_ap) = timed(reference, matrix, few, gallery)
    same = evaluate_distances(matrix, few.pids, gallery.pids, few.camids, gallery.camids)
    loop = seconds * QUERIES / count
    rank_step, _ = timed(evaluate_distances, matrix, few.pids, gallery.pids, few.camids, gallery.camids)

    print(f"{QUERIES} x {GALLERY} x {WIDTH}, {torch.get_num_threads()} threads, rank-1 {result.rank(1):.3f}")
    print(f"matrix product alone        {min(bare):8.2f} s")
    print(f"ours, from features         {min(ours):8.2f} s")
    print(f"ours, rank step alone       {rank_step * QUERIES / count:8.2f} s")
    print(f"plain Python, rank step     {loop:8.2f} s{'' if full else f'  (from {count} queries)'}")
    print(f"difference from the reference: rank-1 {abs(same.rank(1) - rank1):.1e}, mAP ", end="")
    print(f"{abs(same.mean_average_precision - mean_ap):.1e}")
    pairs = sorted(o / b for o, b in zip(ours, bare, strict=True))
    print(f"ratio to the product {pairs[len(pairs) // 2]:.2f} (bar 1.5), ", end="")
    print(f"rank step {loop / (rank_step * QUERIES / count):.0f} times faster than ", end="")
    print(f"plain Python, extra memory {extra:.0f} MB (bar 150)")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--full", action="store_true", help="the plain reference on all queries: minutes")
    arguments.add_argument("--repeats", type=int, default=3, help="alternating runs of ours and the product")
    given = arguments.parse_args()
    main(given.full, given.repeats)
