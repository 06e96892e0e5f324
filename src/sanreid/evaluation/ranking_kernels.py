"""The compiled inner loops of ranking.py: ranks are counted, without sorting.

Decisions: a query has few matches, and counting the smaller values of a row is one vectorised pass, which is cheaper
than sorting the row. If a query has many matches (digits as classes, a gallery of a million), the position of each
distance among the sorted matches is looked up instead, with a grid that leaves one or two candidates. Both order ties
by gallery position, as a stable sort. NaN marks what is not ranked, because it is not smaller than anything. Loops run
without the GIL and are compiled once (cached on disk).
"""

import numpy as np

from sanreid.compiled import njit

COUNT_UP_TO = 48  # matches; about where a pass for each match costs as much as the searches


@njit(cache=True, nogil=True)
def score(block, members, starts, stops, query_camids, gallery_camids, first_k, first, precision, penalty, shortened):
    """Score each row of `block` (B, G); the row's own person and camera is overwritten by NaN.

    `members` (G,) is the gallery sorted by person; row q's person is `members[starts[q]:stops[q]]`. Fills `first`
    (1-based rank of the first match), `precision` (AP), `penalty` (matches / rank of the last one) and `shortened` (AP
    of the ranking cut after `first_k`), each (B,), and leaves rows without a match as they are.
    """
    for q in range(len(block)):
        row = block[q]
        matches = np.empty(stops[q] - starts[q], np.int64)
        n = 0
        for j in members[starts[q] : stops[q]]:
            if gallery_camids[j] == query_camids[q]:
                row[j] = np.nan
            else:
                matches[n] = j
                n += 1
        if n == 0:
            continue
        ranks = ranks_by_count(row, matches[:n]) if n <= COUNT_UP_TO else ranks_by_search(row, matches[:n])
        ranks.sort()
        total, within, early = 0.0, 0, 0.0
        for i in range(n):
            total += (i + 1) / ranks[i]
            if ranks[i] <= first_k:
                within, early = i + 1, total
        first[q], precision[q], penalty[q] = ranks[0], total / n, n / ranks[n - 1]
        shortened[q] = early / max(1, within)


@njit(cache=True, nogil=True)
def ranks_by_count(row, matches):
    """The 1-based rank of each of `matches` (indices, ascending) in `row` (G,): one pass for each."""
    ranks = np.empty(len(matches), np.int64)
    for i in range(len(matches)):
        j, before = matches[i], np.int32(0)  # 32 bits: twice as many lanes as numba's own choice
        limit = row[j]
        for k in range(j):
            before = np.int32(before + np.int32(row[k] <= limit))  # a tie earlier in the gallery comes first
        for k in range(j + 1, len(row)):
            before = np.int32(before + np.int32(row[k] < limit))
        ranks[i] = before + 1
    return ranks


@njit(cache=True, nogil=True)
def ranks_by_search(row, matches):
    """The same ranks, in ascending order: one search among the matches for each distance of the row."""
    order = matches[np.argsort(row[matches], kind="mergesort")]  # stable: ties stay in gallery order
    values = row[order]
    count, least = len(values), values[0]
    width = values[count - 1] - least
    cells = 4 * count
    scale = np.float32(cells / width) if width > 0 else np.float32(0)
    scale = scale if np.isfinite(scale) else np.float32(0)  # all as good as equal: one cell
    # a cell never falls as the distance rises, so matches in lower cells come before whatever is in this one
    starts = np.zeros(cells + 2, np.int64)
    for value in values:
        starts[_cell(value, least, scale, cells) + 1] += 1
    starts = np.cumsum(starts)
    behind = np.zeros(count + 1, np.int64)  # images with exactly i matches at or before them
    for k in range(len(row)):
        if np.isnan(row[k]):
            continue
        cell = _cell(row[k], least, scale, cells)
        low, high = starts[cell], starts[cell + 1]
        while low < high:  # the first match that comes after image k
            middle = (low + high) // 2
            if values[middle] > row[k] or (values[middle] == row[k] and order[middle] > k):
                high = middle
            else:
                low = middle + 1
        behind[low] += 1
    return np.cumsum(behind)[:count] + 1


@njit(cache=True, nogil=True)
def _cell(value, least, scale, cells):
    """0..cells: where `value` falls on a grid of the width 1 / scale from `least` on."""
    place = (value - least) * scale
    if place <= 0:
        return 0
    return int(place) if place < cells else cells


@njit(cache=True, nogil=True)
def score_single(matrix, members, starts, stops, query_camids, gallery_camids, drawn, gallery_pids, place, first):
    """Rank one drawn image a person: `drawn` (P,) gallery indices, `place` (G,) each image's place in the draw.

    The query's own person is stood in for by the image with the first place that the camera rule allows. Fills `first`
    (Q,) with the 1-based rank, ties by gallery order.
    """
    for q in range(len(matrix)):
        best = -1
        for j in members[starts[q] : stops[q]]:
            if gallery_camids[j] != query_camids[q] and (best < 0 or place[j] < place[best]):
                best = j
        if best < 0:
            continue
        row, before = matrix[q], 0
        for k in drawn:
            if gallery_pids[k] != gallery_pids[best]:
                before += row[k] < row[best] or (row[k] == row[best] and k < best)
        first[q] = before + 1
