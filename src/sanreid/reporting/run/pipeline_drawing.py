"""The pipeline's graph as one SVG that stands alone (README) and inside the page, in light and dark.

Decisions: a stage is a row with its name, multiplicity and `desc`, and what it writes runs down a lane at the left, as
`git log --graph` draws commits: so the drawing is as high as the pipeline is long but never wider than a window, and a
narrow one (a phone) shows the names, with state and time below. grandalf's and our own layered drawing were 3,400 and
2,100 px wide for this project's 29 nodes. An edge that longer paths imply is drawn only while its stage is pointed at,
as the page says. Colour follows the row, so that no stage is named here.
"""

import textwrap

import networkx as nx

from sanreid.reporting.run.pipeline_graph import Graph
from sanreid.reporting.shared import templates

ROW, LANE, BEND, PAD = 32.0, 8.0, 6.0, 4.0  # px: a row, a lane, the radius of an edge's corners, the rim
NAMES, WORDS = 262.0, 590.0  # px: the columns of names and of descriptions
TOOK = 96.0  # px at the right end of WORDS: room for a stage's state and time, which the page fills in (ran.js)
CHARS = 80  # of a 12 px sans in WORDS less TOOK
LETTER = 7.8  # px: a letter of a stage's name; longer names are drawn narrower


def draw(graph: Graph) -> str:
    """The SVG text of `graph`."""
    order, direct = rows(graph), graph.direct()
    lanes = trunks(order, direct)
    left = PAD + LANE * (1 + max(lanes.values(), default=-1)) + 2 * BEND
    width, height = left + NAMES + WORDS + PAD, ROW * len(order) + 2 * PAD
    y = {name: PAD + ROW * (i + 0.5) for i, name in enumerate(order)}
    hue = {name: int(150 + 11 * ROW * i % 210) for i, name in enumerate(order)}
    edges = [(*edge, edge in direct) for edge in sorted(graph.edges, key=lambda edge: (edge in direct, edge))]
    told = {"nodes": [graph.nodes[name] for name in order], "edges": edges, "lanes": lanes, "y": y, "hue": hue}
    sizes = {"row": ROW, "lane": LANE, "bend": BEND, "names": NAMES, "words": WORDS, "letter": LETTER}
    size = {"width": round(width), "height": round(height), "left": left}
    return templates.fill("run/pipeline.svg", **told, **sizes, **size, shorten=shorten)


def rows(graph: Graph) -> list[str]:
    """The nodes from top to bottom: what is read stands above its reader, otherwise the file's order; sources late."""
    flow = nx.DiGraph(sorted(graph.edges))
    flow.add_nodes_from(graph.nodes)
    place = {name: i for i, name in enumerate(graph.nodes)}
    first = {n: min((place[m] for m in flow[n]), default=0) - 0.5 for n in graph.nodes if graph.nodes[n].source}
    return list(nx.lexicographical_topological_sort(flow, key=lambda name: first.get(name, place[name])))


def trunks(order: list[str], edges: frozenset[tuple[str, str]]) -> dict[str, int]:
    """The lane, counted from the text, in which each node's edges run down; no two share one at the same height."""
    row = {name: i for i, name in enumerate(order)}
    ends = {name: max((row[b] for a, b in edges if a == name), default=row[name]) for name in order}
    taken: list[set[int]] = []  # of each lane, the rows
    lanes = {}
    for name in sorted((n for n in order if ends[n] > row[n]), key=lambda n: (ends[n] - row[n], row[n])):
        span = set(range(row[name], ends[name] + 1))
        lane = next((i for i, other in enumerate(taken) if not span & other), len(taken))
        taken += [set()] if lane == len(taken) else []
        taken[lane] |= span
        lanes[name] = lane
    return lanes


def shorten(desc: str) -> str:
    """`desc` as a line that fits its column; what is left out ends in an ellipsis."""
    return textwrap.shorten(desc, CHARS, placeholder=" …")
