"""Stream clustering, merging and the second pass in plain loops over plain floats: slow, and written from the rules."""

import math


def distance(a, b, metric):
    if metric == "cosine":
        lengths = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
        return 1 - sum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else 1.0
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))


def unit(point, metric):
    length = math.sqrt(sum(x * x for x in point))
    return [x / length for x in point] if metric == "cosine" and length else list(point)


def mean(values):
    return sum(values) / len(values)


def barycentre(members):
    return [mean(column) for column in zip(*members, strict=True)]


def to_group(point, members, metric, by, nearest):
    if by == "centroid":
        return distance(point, barycentre(members), metric)
    return mean(sorted(distance(point, other, metric) for other in members)[:nearest])


def cluster(points, thresholds, metric, by, nearest=1, fixed_for=None, sigmas=0.0, enough=1):
    points = [unit(point, metric) for point in points]
    groups, labels = [], []  # a group: its members, its first threshold, the distances at which members joined
    for n, point in enumerate(points):
        takers = []
        for g, group in enumerate(groups):
            far = to_group(point, group["members"], metric, by, nearest)
            if far <= limit(group, fixed_for is not None and n >= fixed_for, sigmas, enough):
                takers.append((far, g))
        if takers:
            far, g = min(takers)
            groups[g]["joined"].append(far)
        else:
            g = len(groups)
            groups.append({"members": [], "threshold": thresholds[n], "joined": []})
        groups[g]["members"].append(point)
        labels.append(g)
    adaptive = fixed_for is not None and len(points) >= fixed_for
    return labels, [limit(group, adaptive, sigmas, enough) for group in groups]


def limit(group, adaptive, sigmas, enough):
    if not adaptive or len(group["joined"]) < enough:
        return group["threshold"]
    middle = mean(group["joined"])
    return middle + sigmas * math.sqrt(mean([(x - middle) ** 2 for x in group["joined"]]))


def merge(points, labels, at, metric):
    points = [unit(point, metric) for point in points]
    groups = [[p for p, label in zip(points, labels, strict=True) if label == g] for g in range(max(labels) + 1)]
    names = [[g] for g in range(len(groups))]
    while len(groups) > 1:
        pairs = [(apart(groups[a], groups[b], metric), a, b) for b in range(len(groups)) for a in range(b)]
        least, a, b = min(pairs)
        if least > at:
            break
        groups[a] += groups.pop(b)
        names[a] += names.pop(b)
    return [next(g for g, merged in enumerate(names) if label in merged) for label in labels]


def apart(a, b, metric):
    if metric == "cosine":
        return mean([1 - sum(x * y for x, y in zip(p, q, strict=True)) for p in a for q in b])
    return math.sqrt(mean([distance(p, q, metric) ** 2 for p in a for q in b]))


def reassign(points, labels, metric, by, nearest, smallest):
    points = [unit(point, metric) for point in points]
    groups = {g: [i for i, label in enumerate(labels) if label == g] for g in sorted(set(labels))}
    large = {g: rows for g, rows in groups.items() if len(rows) >= smallest} or groups
    chosen = []
    for i, point in enumerate(points):
        distances = []
        for g, rows in large.items():
            others = [points[j] for j in rows if by == "centroid" or j != i]
            if not others:
                distances = [(0.0, g)]  # the only member stays
                break
            distances.append((to_group(point, others, metric, by, nearest), g))
        chosen.append(min(distances)[1])
    names = sorted(set(chosen))
    return [names.index(g) for g in chosen]
