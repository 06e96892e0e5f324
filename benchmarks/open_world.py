"""Stream clustering of 10,000 images on one core, how it grows with their number, and the plain loops beside it.

python benchmarks/open_world.py

Both links, 16 and 128 dimensions; the claim is under 2 s. Processor time of one thread is counted, so that a busy
machine does not spoil it. The plain loops are the oracle of tests/evaluation/open_world, on few images, with the same
groups found.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import measuring
import numpy as np
from threadpoolctl import threadpool_limits

from sanreid.evaluation.open_world import stream
from sanreid.evaluation.open_world.stream import Link

IMAGES, PLAIN, CLASSES, THRESHOLD = 10_000, 300, 10, 0.5
SIZES = (1_000, 3_000, 10_000, 30_000)
LINKS = {"barycentre": Link(by="centroid", nearest=1), "density": Link(by="members", nearest=5)}


def points(count: int, width: int) -> np.ndarray:
    """Ten classes of digits as a trained network places them: in-class cosine distances of about 0.2."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(CLASSES, width))
    return centres[rng.integers(0, CLASSES, count)] + 0.5 * rng.normal(size=(count, width))


def seconds(work: Callable[..., Any], *args: Any) -> tuple[float, Any]:
    """Processor seconds and result."""
    start = time.process_time()
    result = work(*args)
    return time.process_time() - start, result


def main() -> None:
    """Measure, print, record."""
    oracle = measuring.load_oracle("evaluation/open_world")
    for name, link in LINKS.items():
        stream.cluster(points(50, 16), THRESHOLD, "cosine", link)  # compile

        def ours(images: np.ndarray, link: Link = link) -> stream.Groups:
            return stream.cluster(images, THRESHOLD, "cosine", link)

        for width in (16, 128):
            images = points(IMAGES, width)
            taken, found = min((seconds(ours, images) for _ in range(3)), key=lambda pair: pair[0])
            few, ratios = points(PLAIN, width), []
            plain = (few.tolist(), [THRESHOLD] * PLAIN, "cosine", link.by, link.nearest)
            for _ in range(3):
                mine = seconds(lambda few=few, work=ours: [work(few) for _ in range(10)])[0] / 10
                loops, (labels, _) = seconds(oracle.cluster, *plain)
                ratios.append(loops / mine)
            assert labels == ours(few).labels.tolist()
            faster, extra = statistics.median(ratios), measuring.extra_mb(ours, images)
            groups = len(found.thresholds)
            print(f"{name}, {IMAGES:,} images of {width}: {taken:.2f} s (bar 2), {groups} groups, {extra or 0:.0f} MB")
            print(f"ratio to plain loops, {PLAIN} images: {faster:.0f} times faster")
            measuring.record(
                f"stream clustering by {name}, {width}-d",
                scale=f"{IMAGES:,} images",
                ours_s=taken,
                reference=f"plain loops on {PLAIN} images",
                reference_s=loops,
                times_faster=faster,
                bar="under 2 s",
                extra_mb=extra,
                told=f"{groups} groups",
            )
        growth(name, ours)


def growth(name: str, work: Callable[[np.ndarray], stream.Groups]) -> None:
    """Time and memory against the number of images."""
    curve: list[dict[str, float | None]] = []
    for size in SIZES:
        images = points(size, 16)
        curve.append(
            {
                "gallery": size,
                "s": min(seconds(work, images)[0] for _ in range(2)),
                "extra_mb": measuring.extra_mb(work, images),
            }
        )
        print(f"{name}, {size:>6,} images of 16: {curve[-1]['s']:.3f} s, {curve[-1]['extra_mb'] or 0:.0f} MB")
    measuring.record(f"stream clustering by {name}, growth", scale="images of 16 dimensions", curve=curve)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
