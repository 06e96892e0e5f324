"""The compiled inner loops of `reranking`: nearest neighbours, reciprocal sets, sparse vectors and their overlap.

Decisions: every set is a few dozen indices, so vectors are kept sparse (CSR: `starts`, `columns`, `values`), and a row
of scratch the size of the set of images serves all rows in turn. Ties go to the image that comes first. A few dozen
numbers are sorted by insertion: numpy's sort and concatenate took half of the seconds that compiling all of this takes.
`reranking_numpy` has the same functions in numpy.
"""

import numpy as np

from sanreid.compiled import njit


@njit(cache=True, nogil=True)
def nearest(block, offset, columns, values):
    """Fold the distances `block` (B, G) to images offset..offset+G-1 into each row's nearest so far.

    `columns` and `values` (B, k) hold them in ascending order, and infinity where fewer were seen. Offsets must rise
    from call to call, so that the earlier image of a tie is there first.
    """
    k = columns.shape[1]
    for b in range(len(block)):
        row, best, where = block[b], values[b], columns[b]
        limit = best[k - 1]
        for j in range(len(row)):
            if row[j] < limit:
                place = k - 1
                while place > 0 and best[place - 1] > row[j]:
                    best[place], where[place] = best[place - 1], where[place - 1]
                    place -= 1
                best[place], where[place] = row[j], offset + j
                limit = best[k - 1]


@njit(cache=True, nogil=True)
def nearest_rows(block, offset, columns, values):
    """`nearest` of the columns: fold distances `block` (B, G) of images offset.. to G images into the latter's nearest.

    `columns` and `values` (G, k) as in `nearest`. The block is read row by row, as it lies in memory.
    """
    k = columns.shape[1]
    limits = values[:, k - 1].copy()
    for b in range(len(block)):
        row = block[b]
        for j in range(len(row)):
            if row[j] < limits[j]:
                best, where = values[j], columns[j]
                place = k - 1
                while place > 0 and best[place - 1] > row[j]:
                    best[place], where[place] = best[place - 1], where[place - 1]
                    place -= 1
                best[place], where[place] = row[j], offset + b
                limits[j] = best[k - 1]


@njit(cache=True, nogil=True)
def _mutual(i, ranks, count, out):
    """Write those of i's first `count` neighbours that have i among theirs; returns how many."""
    n = 0
    for c in ranks[i, :count]:
        for other in ranks[c, :count]:
            if other == i:
                out[n] = c
                n += 1
                break
    return n


@njit(cache=True, nogil=True)
def expanded_sets(ranks, k1, half):
    """The k-reciprocal neighbours of each image, with those of a neighbour that overlaps them by more than 2/3.

    `ranks` (N, >= k1+1) are neighbours in ascending distance, the image itself among them. Returns (starts (N+1,),
    columns), each set in ascending order (Zhong et al. 2017, eq. 2 and 4).
    """
    n = len(ranks)
    starts = np.zeros(n + 1, np.int64)
    columns = np.empty(n * (k1 + 1), np.int32)
    mine, theirs = np.empty(k1 + 1, np.int32), np.empty(half + 1, np.int32)
    found = np.empty((k1 + 1) * (half + 2), np.int32)
    member = np.full(n, -1, np.int32)  # i: in i's own set
    taken = np.full(n, -1, np.int32)  # i: in i's expanded set
    for i in range(n):
        own = _mutual(i, ranks, k1 + 1, mine)
        for c in mine[:own]:
            member[c] = taken[c] = i
        found[:own] = mine[:own]
        total = own
        for c in mine[:own]:
            others = _mutual(c, ranks, half + 1, theirs)
            shared = 0
            for other in theirs[:others]:
                shared += member[other] == i
            if 3 * shared > 2 * others:
                for other in theirs[:others]:
                    if taken[other] != i:
                        taken[other] = i
                        found[total] = other
                        total += 1
        if starts[i] + total > len(columns):
            longer = np.empty(2 * len(columns), np.int32)
            longer[: starts[i]] = columns[: starts[i]]
            columns = longer
        begin = starts[i]
        for e in range(total):
            place = begin + e
            while place > begin and columns[place - 1] > found[e]:
                columns[place] = columns[place - 1]
                place -= 1
            columns[place] = found[e]
        starts[i + 1] = begin + total
    return starts, columns[: starts[n]].copy()


@njit(cache=True, nogil=True)
def looked_up(ranks, near, owners, columns):
    """The distance of each pair (owner, column) that is among the owner's nearest; NaN for the others."""
    result = np.full(len(owners), np.nan, np.float32)
    for e in range(len(owners)):
        i = owners[e]
        for place in range(ranks.shape[1]):
            if ranks[i, place] == columns[e]:
                result[e] = near[i, place]
                break
    return result


@njit(cache=True, nogil=True)
def normalise(starts, values):
    """Scale each row to the sum 1, in place."""
    for i in range(len(starts) - 1):
        row = values[starts[i] : starts[i + 1]]
        row /= row.sum()


@njit(cache=True, nogil=True)
def averaged(starts, columns, values, ranks, k2):
    """Each row's mean over its first `k2` neighbours' rows: the local query expansion. Returns a new CSR triple."""
    n = len(ranks)
    new_starts = np.zeros(n + 1, np.int64)
    length = 0
    for i in range(n):
        for c in ranks[i, :k2]:
            length += starts[c + 1] - starts[c]
    new_columns, new_values = np.empty(length, np.int32), np.empty(length, np.float32)
    sums, touched = np.zeros(n, np.float32), np.empty(n, np.int32)
    for i in range(n):
        count = 0
        for c in ranks[i, :k2]:
            for e in range(starts[c], starts[c + 1]):
                if sums[columns[e]] == 0:
                    touched[count] = columns[e]
                    count += 1
                sums[columns[e]] += values[e]
        begin = new_starts[i]
        for e in range(count):
            new_columns[begin + e] = touched[e]
            new_values[begin + e] = sums[touched[e]] / k2
            sums[touched[e]] = 0
        new_starts[i + 1] = begin + count
    return new_starts, new_columns[: new_starts[n]].copy(), new_values[: new_starts[n]].copy()


@njit(cache=True, nogil=True)
def inverted(starts, columns, values, first):
    """The transposed CSR of rows `first` and later, row numbers counted from `first`: who has a share of a column."""
    n = len(starts) - 1
    counts = np.zeros(n + 1, np.int64)
    for e in range(starts[first], starts[n]):
        counts[columns[e] + 1] += 1
    begins = np.cumsum(counts)
    rows = np.empty(begins[n], np.int32)
    shares = np.empty(begins[n], np.float32)
    place = begins[:-1].copy()
    for i in range(first, n):
        for e in range(starts[i], starts[i + 1]):
            at = place[columns[e]]
            rows[at], shares[at] = i - first, values[e]
            place[columns[e]] += 1
    return begins, rows, shares


@njit(cache=True, nogil=True)
def blend(block, scale, lambda_value, first, starts, columns, values, begins, rows, shares):
    """Turn distances `block` (B, G) of queries `first`.. into (1 - lambda) Jaccard + lambda distance * scale (B,)."""
    overlap = np.zeros(block.shape[1], np.float32)
    for b in range(len(block)):
        overlap[:] = 0
        i = first + b
        for e in range(starts[i], starts[i + 1]):
            c, share = columns[e], values[e]
            for at in range(begins[c], begins[c + 1]):
                overlap[rows[at]] += min(share, shares[at])
        for g in range(block.shape[1]):
            jaccard = 1 - overlap[g] / (2 - overlap[g])
            block[b, g] = (1 - lambda_value) * jaccard + lambda_value * block[b, g] * scale[b]
