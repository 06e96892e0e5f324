"""The loops of `reranking_kernels` in numpy, under the same names and bit for bit the same: nothing to compile.

Decisions: the compiled loops are faster, but compiling them takes seconds on a machine's first run; for a few thousand
images these need no waiting. Sums are in float32 in the same order (`numpy.add.at` adds one by one), so that both give
the same bits. Pairs of entries with a common column are listed, PAIRS at a time.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

PAIRS = 1 << 22  # of entries of two images' vectors that are held at once

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]
Vectors = tuple[NDArray[np.int64], Ints, Floats]  # CSR: starts, columns, values


def nearest(block: Floats, offset: int, columns: Ints, values: Floats) -> None:
    """As the loop: fold the distances `block` (B, G) to images offset.. into each row's nearest so far, in place."""
    if not block.size:
        return
    k = columns.shape[1]
    both = np.concatenate([values, block], axis=1)
    limit = np.partition(both, k - 1, axis=1)[:, k - 1 : k]
    chosen = both <= limit
    for row in np.flatnonzero(chosen.sum(1) > k):  # a tie at the limit: those that come first
        at = np.flatnonzero(both[row] == limit[row])
        chosen[row, at[k - chosen[row].sum() :]] = False
    found = np.nonzero(chosen)[1].reshape(len(block), k)
    found = np.take_along_axis(found, np.argsort(np.take_along_axis(both, found, 1), axis=1, kind="stable"), 1)
    values[:] = np.take_along_axis(both, found, 1)
    columns[:] = np.where(found < k, np.take_along_axis(columns, np.minimum(found, k - 1), 1), offset + found - k)


def nearest_rows(block: Floats, offset: int, columns: Ints, values: Floats) -> None:
    """As the loop: `nearest` of the columns of `block`."""
    nearest(block.T, offset, columns, values)


def expanded_sets(ranks: Ints, k1: int, half: int) -> tuple[NDArray[np.int64], Ints]:
    """As the loop: the k-reciprocal neighbours of each image and those of a neighbour that overlaps: (starts, columns).

    Sparse matrices of 0 and 1 stand for the sets, and their product counts what two sets share.
    """
    own, others = _mutual(ranks[:, : k1 + 1]), _mutual(ranks[:, : half + 1])
    shared = (own @ others.T).multiply(own).tocoo()
    sizes = np.asarray(others.sum(1)).ravel()
    joins = 3 * shared.data > 2 * sizes[shared.col]
    shared.data = joins.astype(np.int32)
    found = (own + shared.tocsr() @ others).tocsr()
    found.eliminate_zeros()
    found.sort_indices()
    return found.indptr.astype(np.int64), found.indices.astype(np.int32)


def looked_up(ranks: Ints, near: Floats, owners: Ints, columns: Ints) -> Floats:
    """As the loop: the distance of each pair (owner, column) that is among the owner's nearest; NaN for the others."""
    result = np.full(len(owners), np.nan, np.float32)
    step = max(1, PAIRS // ranks.shape[1])
    for first in range(0, len(owners), step):
        part = slice(first, first + step)
        pair, place = np.nonzero(ranks[owners[part]] == columns[part, None])
        result[first + pair] = near[owners[part][pair], place]
    return result


def normalise(starts: NDArray[np.int64], values: Floats) -> None:
    """As the loop: scale each row to the sum 1, in place."""
    owners = _owners(starts)
    sums = np.zeros(len(starts) - 1, np.float32)
    np.add.at(sums, owners, values)
    values /= sums[owners]


def averaged(starts: NDArray[np.int64], columns: Ints, values: Floats, ranks: Ints, k2: int) -> Vectors:
    """As the loop: each row's mean over its first `k2` neighbours' rows, columns in the order in which they are met."""
    n = len(ranks)
    of = ranks[:, :k2].ravel()
    entries, pair = _entries(starts[of], starts[of + 1])
    owners = pair // ranks[:, :k2].shape[1]
    _, first, group = np.unique(owners * n + columns[entries], return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    order = np.argsort(first)  # entries stand by owner, so a row's columns come as they were met
    place[order] = np.arange(len(first))
    sums = np.zeros(len(first), np.float32)
    np.add.at(sums, place[group], values[entries])
    first = first[order]
    counts = np.bincount(owners[first], minlength=n)
    return np.r_[0, np.cumsum(counts)], columns[entries[first]], (sums.astype(np.float64) / k2).astype(np.float32)


def inverted(starts: NDArray[np.int64], columns: Ints, values: Floats, first: int) -> Vectors:
    """As the loop: the transposed CSR of rows `first` and later, row numbers counted from `first`."""
    n = len(starts) - 1
    part = slice(starts[first], starts[n])
    order = np.argsort(columns[part], kind="stable")
    counts = np.bincount(columns[part], minlength=n)
    rows = _owners(starts)[part] - first
    return np.r_[0, np.cumsum(counts)], rows[order].astype(np.int32), values[part][order]


def blend(
    block: Floats,
    scale: Floats,
    lambda_value: np.float32,
    first: int,
    starts: NDArray[np.int64],
    columns: Ints,
    values: Floats,
    begins: NDArray[np.int64],
    rows: Ints,
    shares: Floats,
) -> None:
    """As the loop: distances `block` (B, G) of queries `first`.. become re-ranked ones, in place."""
    met = np.diff(begins)[columns[starts[first] : starts[first + len(block)]]]
    upto = np.r_[0, np.cumsum(met)][starts[first : first + len(block) + 1] - starts[first]]  # pairs before each row
    weight = float(1 - np.float64(lambda_value))
    done = 0
    while done < len(block):
        last = max(done + 1, int(np.searchsorted(upto, upto[done] + PAIRS, "right")) - 1)
        part = slice(starts[first + done], starts[first + last])
        entries, pair = _entries(begins[columns[part]], begins[columns[part] + 1])
        of = _owners(starts[first + done : first + last + 1])[pair]
        overlap = np.zeros((last - done) * block.shape[1], np.float32)
        np.add.at(overlap, of * block.shape[1] + rows[entries], np.minimum(values[part][pair], shares[entries]))
        o = overlap.reshape(last - done, -1).astype(np.float64)
        original = lambda_value * block[done:last] * scale[done:last, None]
        block[done:last] = weight * (1 - o / (2 - o)) + original
        done = last


def _mutual(ranks: Ints) -> Any:
    """Who is among each other's neighbours `ranks` (N, k): a sparse (N, N) matrix of 0 and 1."""
    from scipy import sparse

    n, k = ranks.shape
    near = sparse.csr_array((np.ones(n * k, np.int32), ranks.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    return near.multiply(near.T).tocsr()


def _owners(starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The row of each entry of a CSR, counted from the first."""
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts))


def _entries(begin: NDArray[np.int64], end: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers begin..end - 1 of each of several ranges, one range after another, and which range each is of."""
    counts = end - begin
    of = np.repeat(np.arange(len(counts)), counts)
    return np.arange(len(of)) + np.repeat(begin - (np.cumsum(counts) - counts), counts), of
