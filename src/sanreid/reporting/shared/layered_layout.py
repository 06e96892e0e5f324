"""A layered drawing of a directed graph, top to bottom: where each node stands and how each edge runs.

Decisions: the method of Sugiyama, Tagawa and Toda (1981) in its plain form: longest-path layers, barycentre sweeps
for the order within a layer, then positions. Positions are least squares under "keep the order and the gap", solved
exactly a layer by pooling adjacent violators. The sweeps start from several seeded shuffles, since they end in local
optima; the fewest crossings win, then the shortest lines. The same graph gives the same picture.
"""

import operator
import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

NODE, GAP, BEND = 214.0, 26.0, 30.0  # px: a node's width, the space between two, the room an edge takes in a layer


@dataclass(frozen=True)
class Layout:
    """Layers of node names; each node's centre x (px); for each edge its x at each layer it passes, ends included."""

    layers: list[list[str]]
    x: dict[str, float]
    routes: dict[tuple[str, str], list[float]]
    width: float


Slot = str | tuple[str, str, int]  # a node, or the bend of an edge (from, to) in a layer
Link = tuple[Slot, Slot]  # of neighbouring layers


def place(nodes: list[str], edges: frozenset[tuple[str, str]], widest: int = 5) -> Layout:
    """Lay out an acyclic graph; nodes that can wait move down from layers of more than `widest` nodes."""
    rank = _ranks(nodes, edges, widest)
    slots: list[list[Slot]] = [[] for _ in range(max(rank.values(), default=0) + 1)]
    for n in nodes:
        slots[rank[n]].append(n)
    links: list[Link] = []
    for a, b in sorted(edges, key=lambda e: (nodes.index(e[0]), nodes.index(e[1]))):
        bends: list[Slot] = [(a, b, r) for r in range(rank[a] + 1, rank[b])]
        for r, bend in enumerate(bends, rank[a] + 1):
            slots[r].append(bend)
        links += zip([a, *bends], [*bends, b], strict=True)
    order, x = _best(slots, links)
    left = min((x[s] - _width(s) / 2 for layer in order for s in layer), default=0.0)
    x = {s: v - left for s, v in x.items()}
    width = max((x[s] + _width(s) / 2 for layer in order for s in layer), default=0.0)
    routes = {(a, b): [x[a], *(x[(a, b, r)] for r in range(rank[a] + 1, rank[b])), x[b]] for a, b in edges}
    layers = [[s for s in layer if isinstance(s, str)] for layer in order]
    return Layout(layers, {n: x[n] for n in nodes}, routes, width)


def _ranks(nodes: list[str], edges: frozenset[tuple[str, str]], widest: int) -> dict[str, int]:
    before = {n: [a for a, b in edges if b == n] for n in nodes}
    after = {n: [b for a, b in edges if a == n] for n in nodes}
    rank: dict[str, int] = {}

    def longest(n: str) -> int:
        if n not in rank:
            rank[n] = max((longest(a) + 1 for a in before[n]), default=0)
        return rank[n]

    for n in nodes:
        longest(n)
    for n in nodes:  # what only a late stage reads stands just above it
        if not before[n] and after[n]:
            rank[n] = min(rank[b] for b in after[n]) - 1
    for r in range(max(rank.values(), default=0)):
        row = [n for n in nodes if rank[n] == r]
        can_wait = [n for n in reversed(row) if all(rank[b] > r + 1 for b in after[n])]
        for n in can_wait[: max(0, len(row) - widest)]:
            rank[n] = r + 1
    return rank


def crossings(order: list[list[Slot]], links: list[Link]) -> int:
    """How many pairs of links between neighbouring layers cross."""
    place = {s: i for layer in order for i, s in enumerate(layer)}
    layer_of = {s: r for r, layer in enumerate(order) for s in layer}
    total = 0
    for r in range(len(order) - 1):
        ends = [(place[a], place[b]) for a, b in links if layer_of[a] == r]
        total += sum((a - c) * (b - d) < 0 for i, (a, b) in enumerate(ends) for c, d in ends[:i])
    return total


def _best(slots: list[list[Slot]], links: list[Link], starts: int = 12) -> tuple[list[list[Slot]], dict[Slot, float]]:
    shuffle = random.Random(0).shuffle
    found = []
    order = [list(layer) for layer in slots]
    for _ in range(starts):
        order = _sweep(order, links)
        x = _positions(order, links)
        found.append((crossings(order, links), _total(abs(x[a] - x[b]) for a, b in links), len(found), order, x))
        order = [list(layer) for layer in slots]
        for layer in order:
            shuffle(layer)
    return min(found)[-2:]  # type: ignore[return-value]


def _total(values: Iterable[float]) -> float:
    """The sum in plain floats: sum() itself rounds otherwise from Python 3.12 on, and the picture would be another."""
    return reduce(operator.add, values, 0.0)


def _sweep(start: list[list[Slot]], links: list[Link], sweeps: int = 8) -> list[list[Slot]]:
    above, below = _neighbours(start, links)
    order = [list(layer) for layer in start]
    best, fewest = [list(layer) for layer in order], crossings(order, links)
    for sweep in range(sweeps):
        down = sweep % 2 == 0
        rows = range(1, len(order)) if down else range(len(order) - 2, -1, -1)
        for r in rows:
            near = above if down else below
            at = _relative(order[r - 1] if down else order[r + 1])
            own = _relative(order[r])
            wish = {s: _total(at[t] for t in near[s]) / len(near[s]) if near[s] else own[s] for s in order[r]}
            order[r].sort(key=wish.__getitem__)
        _swap_neighbours(order, links)
        if (count := crossings(order, links)) < fewest:
            best, fewest = [list(layer) for layer in order], count
    return best


def _neighbours(order: list[list[Slot]], links: list[Link]) -> tuple[dict[Slot, list[Slot]], dict[Slot, list[Slot]]]:
    above: dict[Slot, list[Slot]] = {s: [] for layer in order for s in layer}
    below: dict[Slot, list[Slot]] = {s: [] for layer in order for s in layer}
    for a, b in links:
        above[b].append(a)
        below[a].append(b)
    return above, below


def _relative(layer: list[Slot]) -> dict[Slot, float]:
    return {s: i / max(1, len(layer) - 1) for i, s in enumerate(layer)}


def _swap_neighbours(order: list[list[Slot]], links: list[Link]) -> None:
    for layer in order:
        for i in range(len(layer) - 1):
            now = crossings(order, links)
            layer[i], layer[i + 1] = layer[i + 1], layer[i]
            if crossings(order, links) >= now:
                layer[i], layer[i + 1] = layer[i + 1], layer[i]


def _width(slot: Slot) -> float:
    return NODE if isinstance(slot, str) else BEND


def _positions(order: list[list[Slot]], links: list[Link], sweeps: int = 60) -> dict[Slot, float]:
    above, below = _neighbours(order, links)
    x: dict[Slot, float] = {}
    for layer in order:
        x |= zip(layer, separate([0.0] * len(layer), [_width(s) for s in layer]), strict=True)

    def wish(slot: Slot) -> float:
        # a bend follows bends eight times as willingly as cards: long edges run straight
        near = [(x[t], 8 if isinstance(slot, tuple) and isinstance(t, tuple) else 1) for t in above[slot] + below[slot]]
        return _total(v * w for v, w in near) / sum(w for _, w in near) if near else x[slot]

    for sweep in range(sweeps):
        for layer in order if sweep % 2 == 0 else reversed(order):
            x |= zip(layer, separate([wish(s) for s in layer], [_width(s) for s in layer]), strict=True)
    return x


def separate(wish: list[float], widths: list[float], gap: float = GAP) -> list[float]:
    """The positions nearest to `wish` (least squares) that keep the order and `gap` px between boxes of `widths`."""
    offsets = [0.0]
    for a, b in pairwise(widths):
        offsets.append(offsets[-1] + (a + b) / 2 + gap)
    blocks: list[list[float]] = []  # [sum, count] of runs that touch
    for w, o in zip(wish, offsets, strict=False):
        blocks.append([w - o, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1] = [blocks[-1][0] + total, blocks[-1][1] + count]
    level = [s / c for s, c in blocks for _ in range(int(c))]
    return [v + o for v, o in zip(level, offsets, strict=False)]
