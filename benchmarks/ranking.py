"""Evaluation at Market-1501's scale from 2048-d features, beside the bare matrix product, plain Python and torchreid.

The claim: blocked evaluation costs at most 1.5x the matrix product alone, with under 150 MB extra memory, and equals a
sort-based reference on the same float32 distances. Runs alternate in one process; the ratios are what counts.

    python benchmarks/ranking.py          # quick: product and ours at full scale, the reference on 100 queries
    python benchmarks/ranking.py --full   # the reference on all queries
"""

import argparse

import measuring
import numpy as np
import peers
import torch
from measuring import GALLERY, QUERIES, WIDTH, extra_mb, timed

from sanreid.evaluation import distances
from sanreid.evaluation.ranking import Embeddings, evaluate, evaluate_distances


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


def main(full: bool, repeats: int) -> None:
    """Measure and print."""
    query, gallery = measuring.market()
    small = Embeddings(query.features[:50], query.pids[:50], None if query.camids is None else query.camids[:50])
    evaluate(small, gallery)  # compile, and let the product allocate its workspace
    extra = extra_mb(evaluate, query, gallery)
    result = evaluate(query, gallery)
    bare, ours = measuring.alternating(repeats, lambda: product(query, gallery), lambda: evaluate(query, gallery))

    count = QUERIES if full else 100
    part = slice(0, count)
    assert query.camids is not None
    few = Embeddings(query.features[part], query.pids[part], query.camids[part])
    matrix = distances.matrix(few.features, gallery.features)
    seconds, (rank1, mean_ap) = timed(reference, matrix, few, gallery)
    same = evaluate_distances(matrix, few.pids, gallery.pids, few.camids, gallery.camids)
    loop = seconds * QUERIES / count
    rank_step, _ = timed(evaluate_distances, matrix, few.pids, gallery.pids, few.camids, gallery.camids)

    peer = peers.torchreid("metrics/rank.py")
    theirs = None
    if peer:
        kept = gallery.pids != -1  # it does not know junk
        print("torchreid's rank step, junk left out beforehand: ", end="")
        assert gallery.camids is not None
        arguments = matrix[:, kept], few.pids, gallery.pids[kept], few.camids, gallery.camids[kept]
        spent, (cmc, peer_ap) = timed(peer.evaluate_rank, *arguments)
        theirs = spent * QUERIES / count
        print(f"{theirs:.2f} s; apart by {abs(cmc[0] - rank1):.1e} in rank-1, {abs(peer_ap - mean_ap):.1e} in mAP")

    print(f"{QUERIES} x {GALLERY} x {WIDTH}, {torch.get_num_threads()} threads, rank-1 {result.rank(1):.3f}")
    print(f"matrix product alone        {min(bare):8.2f} s")
    print(f"ours, from features         {min(ours):8.2f} s")
    print(f"ours, rank step alone       {rank_step * QUERIES / count:8.2f} s")
    print(f"plain Python, rank step     {loop:8.2f} s{'' if full else f'  (from {count} queries)'}")
    print(f"difference from the reference: rank-1 {abs(same.rank(1) - rank1):.1e}, mAP ", end="")
    print(f"{abs(same.mean_average_precision - mean_ap):.1e}")
    times, faster = measuring.ratio(ours, bare), loop / (rank_step * QUERIES / count)
    print(f"ratio to the product {times:.2f} (bar 1.5), ", end="")
    print(f"rank step {faster:.0f} times faster than plain Python, extra memory {extra or 0:.0f} MB (bar 150)")
    measuring.record(
        "CMC and mAP from features",
        scale=f"{QUERIES} x {GALLERY} x {WIDTH}",
        ours_s=min(ours),
        reference="the bare matrix product",
        reference_s=min(bare),
        times_the_reference=times,
        bar="at most 1.5 times",
        extra_mb=extra,
    )
    for name, reference_s in (("plain Python", loop), ("torchreid without Cython", theirs)):
        if reference_s is not None:
            measuring.record(
                f"its rank step, beside {name}",
                scale=f"{QUERIES} x {GALLERY}",
                ours_s=rank_step * QUERIES / count,
                reference=name + ("" if full else f", from {count} queries"),
                reference_s=reference_s,
                times_faster=reference_s / (rank_step * QUERIES / count),
                bar="",
                extra_mb=None,
            )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--full", action="store_true", help="the plain reference on all queries: minutes")
    arguments.add_argument("--repeats", type=int, default=3, help="alternating runs of ours and the product")
    given = arguments.parse_args()
    main(given.full, given.repeats)
