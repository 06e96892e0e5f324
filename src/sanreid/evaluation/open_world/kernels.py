"""The compiled inner loops of stream.py and refinement.py: images one by one, because each may change the groups.

Decisions: everything is in float64, so that results depend on the order of images and not on rounding. Barycentres are
running means, so that the time per image is groups x size, and linear in the stream's length for a given number of
groups. Nearest members are found from the inner products with all earlier images, which BLAS computes block by block.
Products order in the same way as distances ("closeness"), so distances are computed for the nearest members only.
Sums may be reordered for vectorisation; no other relaxation of floating-point arithmetic is allowed.
"""

import math

import numpy as np

from sanreid.compiled import njit

FAST = {"reassoc", "contract"}
NEVER = np.iinfo(np.int64).max  # images until a group's own statistics count


@njit(cache=True, nogil=True, fastmath=FAST)
def by_centroid(points, founding, cosine, fixed_for, sigmas, enough, labels, limits):
    """Label each of `points` (N, D) by the nearest barycentre; the number of groups.

    `founding` (N,) is the threshold of the group that an image would found. Fills `labels` (N,) and, up to the number
    of groups, `limits` (N,), the thresholds at the end. Points are of unit length where `cosine`.
    """
    size = points.shape[1]
    means, lengths = np.empty_like(points), np.empty(len(points))
    members, joined = np.zeros(len(points), np.int64), np.zeros((len(points), 2))
    distances = np.empty(len(points))
    groups = 0
    for n in range(len(points)):
        point = points[n]
        for g in range(groups):
            mean, total = means[g], 0.0
            if cosine:
                for i in range(size):
                    total += point[i] * mean[i]
                distances[g] = 1 - total / lengths[g] if lengths[g] > 0 else 1.0
            else:
                for i in range(size):
                    total += (point[i] - mean[i]) ** 2
                distances[g] = math.sqrt(total)
        g = choose(distances, groups, n, fixed_for, sigmas, enough, members, joined, limits)
        if g == groups:
            groups += 1
            means[g], limits[g] = 0.0, founding[n]
        else:
            join(distances[g], g, members, joined)
        members[g] += 1
        labels[n] = g
        total = 0.0
        for i in range(size):
            means[g, i] += (point[i] - means[g, i]) / members[g]
            total += means[g, i] ** 2
        lengths[g] = math.sqrt(total)
    settle(groups, len(points), fixed_for, sigmas, enough, members, joined, limits)
    return groups


@njit(cache=True, nogil=True)
def by_members(products, first, squares, founding, cosine, nearest, fixed_for, sigmas, enough, state, groups):
    """Label the images first..first + B by their nearest members; the number of groups afterwards.

    `products` (B, first + B) are a block's inner products with all images up to its end, `squares` (N,) the squared
    lengths. `state` is (labels (N,), limits (N,), members (N,), joined (N, 2), best (N, nearest), distances (N,)).
    """
    labels, limits, members, joined, best, distances = state
    for row in range(len(products)):
        n = first + row
        find_nearest(products[row], n, -1, squares, labels, cosine, groups, best)
        for g in range(groups):
            distances[g] = mean_distance(best[g], min(nearest, members[g]), squares[n], cosine)
        g = choose(distances, groups, n, fixed_for, sigmas, enough, members, joined, limits)
        if g == groups:
            groups += 1
            limits[g] = founding[n]
        else:
            join(distances[g], g, members, joined)
        members[g] += 1
        labels[n] = g
    return groups


@njit(cache=True, nogil=True)
def reassign_by_members(products, first, squares, labels, members, cosine, nearest, best, found):
    """For the images first..first + B of `labels` (-1: in no group), the group with the nearest other members.

    `products` (B, N); fills `found` (N,). An image that is its group's only member stays there.
    """
    groups = len(members)
    for row in range(len(products)):
        n = first + row
        find_nearest(products[row], len(labels), n, squares, labels, cosine, groups, best)
        found[n], least = labels[n], np.inf
        if labels[n] >= 0 and members[labels[n]] == 1:
            continue
        for g in range(groups):
            others = members[g] - (labels[n] == g)
            distance = mean_distance(best[g], min(nearest, others), squares[n], cosine)
            if distance < least:
                found[n], least = g, distance


@njit(cache=True, nogil=True)
def find_nearest(products, stop, left_out, squares, labels, cosine, groups, best):
    """Fill `best` (groups, nearest) with the closeness of each group's nearest members before `stop`, best first."""
    nearest = best.shape[1]
    best[:groups] = -np.inf
    for j in range(stop):
        g = labels[j]
        closeness = products[j] if cosine else 2 * products[j] - squares[j]
        if g >= 0 and closeness > best[g, nearest - 1] and j != left_out:
            place = nearest - 1
            while place > 0 and best[g, place - 1] < closeness:
                best[g, place] = best[g, place - 1]
                place -= 1
            best[g, place] = closeness


@njit(cache=True, nogil=True)
def mean_distance(best, count, square, cosine):
    """The mean distance to the `count` nearest members by their closeness; infinite for none."""
    if count == 0:
        return np.inf
    total = 0.0
    for i in range(count):
        total += 1 - best[i] if cosine else math.sqrt(max(0.0, square - best[i]))
    return total / count


@njit(cache=True, nogil=True)
def choose(distances, groups, n, fixed_for, sigmas, enough, members, joined, limits):
    """The nearest of the groups whose threshold image n keeps (the first of equals); `groups` where it keeps none's."""
    chosen, least = groups, np.inf
    for g in range(groups):
        limit = own_limit(g, sigmas, enough, members, joined, limits) if n >= fixed_for else limits[g]
        if distances[g] <= limit and distances[g] < least:
            chosen, least = g, distances[g]
    return chosen


@njit(cache=True, nogil=True)
def own_limit(g, sigmas, enough, members, joined, limits):
    """Mean + sigmas x deviation of the distances at which members joined; the founding threshold below `enough`."""
    count = members[g] - 1
    if count < enough:
        return limits[g]
    return joined[g, 0] + sigmas * math.sqrt(joined[g, 1] / count)


@njit(cache=True, nogil=True)
def join(distance, g, members, joined):
    """Take a distance into the group's running mean and sum of squared deviations (Welford 1962)."""
    step = distance - joined[g, 0]
    joined[g, 0] += step / members[g]  # the founder joined at no distance: members counts the distances, this one too
    joined[g, 1] += step * (distance - joined[g, 0])


@njit(cache=True, nogil=True)
def settle(groups, n, fixed_for, sigmas, enough, members, joined, limits):
    """Put each group's threshold at the end of n images into `limits`."""
    for g in range(groups if n >= fixed_for else 0):
        limits[g] = own_limit(g, sigmas, enough, members, joined, limits)


@njit(cache=True, nogil=True, fastmath=FAST)
def merge(sums, counts, squares, cosine, at):
    """Merge groups, the nearest pair first, while their members' mean distance is at most `at`; (G,) new numbers.

    `sums` (G, D) of the members, `counts` (G,), `squares` (G,) sums of their squared lengths; all are overwritten.
    The mean is that of 1 - cosine, or the root of that of squared distances; both follow from the sums alone. A new
    group has the number of the earlier one of the pair.
    """
    groups, size = sums.shape
    into = np.arange(groups)
    partner, least = np.full(groups, -1), np.full(groups, np.inf)  # of each group, the nearest later one
    for a in range(groups):
        nearest_later(a, sums, counts, squares, cosine, partner, least)
    while True:
        a = int(np.argmin(least))
        if not least[a] <= at:
            return into
        b = partner[a]
        for i in range(size):
            sums[a, i] += sums[b, i]
        counts[a], squares[a] = counts[a] + counts[b], squares[a] + squares[b]
        counts[b], least[b], partner[b] = 0, np.inf, -1
        for g in range(groups):
            if into[g] == b:
                into[g] = a
        nearest_later(a, sums, counts, squares, cosine, partner, least)
        for g in range(b):
            if counts[g] == 0 or g == a:
                continue
            if partner[g] == a or partner[g] == b:
                nearest_later(g, sums, counts, squares, cosine, partner, least)
            elif g < a:
                distance = apart(g, a, sums, counts, squares, cosine)
                if distance < least[g]:
                    partner[g], least[g] = a, distance


@njit(cache=True, nogil=True)
def nearest_later(a, sums, counts, squares, cosine, partner, least):
    """Find the nearest group after `a`, the first of equals."""
    partner[a], least[a] = -1, np.inf
    for b in range(a + 1, len(sums)):
        if counts[b] > 0:
            distance = apart(a, b, sums, counts, squares, cosine)
            if distance < least[a]:
                partner[a], least[a] = b, distance


@njit(cache=True, nogil=True, fastmath=FAST)
def apart(a, b, sums, counts, squares, cosine):
    """The mean distance between the members of two groups, see `merge`."""
    total = 0.0
    for i in range(sums.shape[1]):
        total += sums[a, i] * sums[b, i]
    product = total / (counts[a] * counts[b])
    if cosine:
        return 1 - product
    return math.sqrt(max(0.0, squares[a] / counts[a] + squares[b] / counts[b] - 2 * product))
