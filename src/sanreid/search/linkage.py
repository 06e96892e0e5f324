"""Average linkage (Sokal and Michener 1958) of pairs that are listed; all others share nothing.

Decisions: the pairs of people are few of all pairs, so what is kept grows with those that resemble each other, and not
with the square of the pictures; the groups are those of the whole matrix. A group that two became has a new number, so
an entry of the heap is out of date where one of its numbers is gone.
"""

import heapq
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def average(
    count: int, pairs: tuple[Sequence[int], Sequence[int]], shares: Sequence[float], least: float
) -> NDArray[np.int64]:
    """Labels (N,) of `count` points: the two groups whose members share most on the mean are merged, down to `least`.

    `pairs` (first, second), each once, share `shares`, above 0; a pair that is not listed shares 0. `least` is above 0.
    """
    near: dict[int, dict[int, float]] = {point: {} for point in range(count)}  # the sum over pairs of members
    members = {point: [point] for point in range(count)}
    for a, b, share in zip(*pairs, shares, strict=True):
        near[a][b] = near[b][a] = share
    heap = [(-share, a, b) for a, b, share in zip(*pairs, shares, strict=True) if share >= least]
    heapq.heapify(heap)
    new = count
    while heap:
        _, a, b = heapq.heappop(heap)
        if a not in near or b not in near:
            continue
        joined, other = near.pop(a), near.pop(b)
        members[new] = members.pop(a) + members.pop(b)
        for name, share in other.items():
            joined[name] = joined.get(name, 0.0) + share
        del joined[a], joined[b]
        for name, share in joined.items():
            for gone in (a, b):
                near[name].pop(gone, None)
            near[name][new] = share
            mean = share / (len(members[new]) * len(members[name]))
            if mean >= least:
                heapq.heappush(heap, (-mean, name, new))
        near[new] = joined
        new += 1
    labels = np.empty(count, np.int64)
    for number, rows in enumerate(members.values()):
        labels[rows] = number
    return labels
