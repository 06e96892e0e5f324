"""Evaluation's time and memory against the size of the gallery, up to a million images of 256 dimensions.

python benchmarks/scaling.py          # 10,000 to 300,000
python benchmarks/scaling.py --full   # and 1,000,000 (1 GB of features)
"""

import argparse

import measuring
import numpy as np

from sanreid.evaluation.ranking import Embeddings, evaluate

WIDTH, QUERIES, PEOPLE = 256, 500, 1000


def embeddings(count: int, seed: int) -> Embeddings:
    """Random features, drawn a block at a time."""
    rng = np.random.default_rng(seed)
    features = np.empty((count, WIDTH), np.float32)
    for start in range(0, count, 65536):
        part = features[start : start + 65536]
        rng.standard_normal(out=part, dtype=np.float32)
    return Embeddings(features, rng.integers(1, PEOPLE + 1, count), rng.integers(1, 7, count))


def main(full: bool) -> None:
    """Measure, print, record."""
    query = embeddings(QUERIES, 0)
    evaluate(query, embeddings(1000, 1))  # compile
    curve: list[dict[str, float | None]] = []
    times: dict[int, float] = {}
    for size in (10_000, 30_000, 100_000, 300_000, *([1_000_000] if full else [])):
        gallery = embeddings(size, 1)
        extra = measuring.extra_mb(evaluate, query, gallery)
        seconds = min(measuring.timed(evaluate, query, gallery)[0] for _ in range(2))
        times[size] = seconds
        curve.append({"gallery": size, "s": seconds, "extra_mb": extra})
        print(f"{QUERIES} x {size:>9,} x {WIDTH}: {seconds:6.2f} s, {extra or 0:4.0f} MB beside the features")
    least, most = min(times), max(times)
    growth = (times[most] / times[least]) / (most / least)
    print(f"ratio: {growth:.2f} of linear growth from {least:,} to {most:,}")
    measuring.record("evaluation by gallery size", scale=f"{QUERIES} queries, {WIDTH}-d", curve=curve)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--full", action="store_true", help="up to a million")
    main(arguments.parse_args().full)
