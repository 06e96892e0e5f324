"""The pipeline's graph as one SVG that stands alone (README) and inside the page, in light and dark.

Decisions: a stage is a row with its name, multiplicity and `desc`, and what it writes runs down a lane at the left, as
`git log --graph` draws commits: so the drawing is as high as the pipeline is long but never wider than a window, and a
narrow one (a phone) shows the names, with state and time below. grandalf's and our own layered drawing were 3,400 and
2,100 px wide for this project's 29 nodes. An edge that longer paths imply is drawn only while its stage is pointed at,
as the page says. Colour follows the row, so that no stage is named here.
"""

import textwrap
from html import escape

import networkx as nx

from sanreid.reporting.run.pipeline_graph import Graph, Node

ROW, LANE, BEND, PAD = 32.0, 8.0, 6.0, 4.0  # px: a row, a lane, the radius of an edge's corners, the rim
NAMES, WORDS = 262.0, 590.0  # px: the columns of names and of descriptions
TOOK = 96.0  # px at the right end of WORDS: room for a stage's state and time, which the page fills in (ran.js)
CHARS = 80  # of a 12 px sans in WORDS less TOOK
LETTER = 7.8  # px: a letter of a stage's name; longer names are drawn narrower
STYLE = """
.pipeline{--g-ink:#1a2230;--g-soft:#5a6679;--g-card:#f3f5f9;--g-tone:46%;
 font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.pipeline .card{fill:var(--g-card)}
.pipeline .dot{fill:hsl(var(--hue) 60% var(--g-tone))}
.pipeline .name{font:600 13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--g-ink)}
.pipeline .desc{font-size:12px;fill:var(--g-soft)}
.pipeline .many{font-size:11.5px;font-weight:700;fill:hsl(var(--hue) 60% var(--g-tone))}
.pipeline .took{font-size:12px;font-weight:600;fill:var(--g-soft)}
.pipeline [data-state=done] .took{fill:hsl(150 60% var(--g-tone))}
.pipeline [data-state=failed] .took{fill:hsl(10 75% var(--g-tone))}
.pipeline .source .name{font-weight:400;font-style:italic}
.pipeline .edge{fill:none;stroke:hsl(var(--hue) 60% var(--g-tone));stroke-width:1.6}
.pipeline .implied{stroke-dasharray:3 4;visibility:hidden}
.pipeline .edge.lit{visibility:visible;stroke-width:3.2}
@media (max-width:640px){.pipeline .desc{display:none} .pipeline .name{font-size:11px}
 .pipeline .took{font-size:11px;text-anchor:start;transform:translate(-838px,8px)}
 .pipeline [data-state]:not([data-state=none]) .name{transform:translateY(-6px)}}
@media (prefers-color-scheme:dark){.pipeline{--g-ink:#e8edf6;--g-soft:#a3afc2;--g-card:#1f2836;--g-tone:66%}}
@media print{.pipeline{--g-ink:#1a2230;--g-soft:#5a6679;--g-card:#f3f5f9;--g-tone:46%}}
"""


def draw(graph: Graph) -> str:
    """The SVG text of `graph`."""
    order, direct = rows(graph), graph.direct()
    lanes = trunks(order, direct)
    left = PAD + LANE * (1 + max(lanes.values(), default=-1)) + 2 * BEND
    width, height = left + NAMES + WORDS + PAD, ROW * len(order) + 2 * PAD
    y = {name: PAD + ROW * (i + 0.5) for i, name in enumerate(order)}
    hue = {name: 150 + 11 * ROW * i % 210 for i, name in enumerate(order)}
    body = [_card(graph.nodes[n], left, y[n], hue[n], i % 2 == 0) for i, n in enumerate(order)]
    for a, b in sorted(graph.edges, key=lambda edge: (edge in direct, edge)):
        x = left - 2 * BEND - LANE * lanes[a]
        path = (
            f"M{left:.1f} {y[a] + 3:.1f}H{x + BEND:.1f}q{-BEND} 0 {-BEND} {BEND}"
            f"V{y[b] - 3 - BEND:.1f}q0 {BEND} {BEND} {BEND}H{left - 3:.1f}"
        )
        kind, ends = ("edge" if (a, b) in direct else "edge implied"), f'data-from="{escape(a)}" data-to="{escape(b)}"'
        body.append(f'<path class="{kind}" {ends} style="--hue:{hue[a]:.0f}" d="{path}"/>')
        if (a, b) in direct:
            tip = f"M{left - 7:.1f} {y[b] - 6.5:.1f}v7l7-3.5z"
            body.append(f'<path class="dot" style="--hue:{hue[a]:.0f}" d="{tip}"/>')
    return (
        f'<svg class="pipeline" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" preserveAspectRatio="xMinYMin slice" role="img" '
        f'aria-label="The pipeline: {len(order)} nodes"><style>{STYLE}</style>{"".join(body)}</svg>'
    )


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


def _card(node: Node, x: float, y: float, hue: float, striped: bool) -> str:
    many = f"×{node.multiplicity}" if node.multiplicity > 1 else ""
    room = NAMES - 20 - (LETTER * len(many) + 6 if many else 0)
    fit = f' textLength="{room:.0f}" lengthAdjust="spacingAndGlyphs"' if LETTER * len(node.name) > room else ""
    count = f'<text class="many" x="{x + NAMES - 12:.1f}" y="{y + 4:.1f}" text-anchor="end">{many}</text>'
    writes = "writes " + ", ".join(node.writes[:8]) + (" …" if len(node.writes) > 8 else "")
    runs = ("runs as " + ", ".join(node.instances)) if node.instances else ""
    tip = "\n".join(part for part in (node.desc, runs, "" if node.source else writes) if part)
    box = f'width="{NAMES + WORDS:.0f}" height="{ROW:.0f}" fill-opacity="{int(striped)}"'
    return (
        f'<g class="{"node source" if node.source else "node"}" data-name="{escape(node.name)}" '
        f'data-runs="{node.multiplicity}" data-writes="{escape("|".join(node.writes))}" '
        f'style="--hue:{hue:.0f}"><title>{escape(tip)}</title>'
        f'<rect class="card" x="{x:.1f}" y="{y - ROW / 2:.1f}" {box}/>'
        f'<text class="name" x="{x + 6:.1f}" y="{y + 4.5:.1f}"{fit}>{escape(node.name)}</text>{count if many else ""}'
        f'<text class="desc" x="{x + NAMES:.1f}" y="{y + 4:.1f}">{escape(shorten(node.desc))}</text>'
        f'<text class="took" x="{x + NAMES + WORDS - 8:.1f}" y="{y + 4:.1f}" text-anchor="end"></text></g>'
    )
