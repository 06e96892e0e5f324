"""The pipeline's graph as one SVG that stands alone (README) and inside the page, in light and dark.

Decisions: an edge that longer paths imply is drawn only while its stage is pointed at, as the page says; each node is
a card with the stage's name, multiplicity and `desc`. Colour follows the layer, so that no stage is named here.
"""

import textwrap
from html import escape

from sanreid.reporting.run.pipeline_graph import Graph, Node
from sanreid.reporting.shared.layered_layout import NODE, Layout, place

LINE, PAD, RISE = 15.0, 11.0, 46.0  # px: text line, card padding, space between layers
CHARS = 29  # of a 12 px sans in a card's inner width
LETTER = 7.8  # px: a letter of a stage's name; longer names are drawn narrower
STYLE = """
.pipeline{--g-ink:#1a2230;--g-soft:#5a6679;--g-card:#fff;--g-rim:#d5dbe5;--g-line:#97a3b6;--g-tone:42%;
 font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.pipeline .card{fill:var(--g-card);stroke:var(--g-rim)}
.pipeline .bar{fill:hsl(var(--hue) 62% var(--g-tone))}
.pipeline .name{font:600 13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--g-ink)}
.pipeline .desc{font-size:12px;fill:var(--g-soft)}
.pipeline .many{font-size:11.5px;font-weight:700;fill:hsl(var(--hue) 62% var(--g-tone))}
.pipeline .source .card{stroke-dasharray:4 3}
.pipeline .edge{fill:none;stroke:var(--g-line);stroke-width:1.5}
.pipeline .implied{stroke-width:1.2;stroke-dasharray:3 4;visibility:hidden}
.pipeline .tip{fill:var(--g-line)}
.pipeline .edge.lit{visibility:visible;stroke:hsl(212 85% 52%);stroke-width:2}
@media (prefers-color-scheme:dark){.pipeline{--g-ink:#e8edf6;--g-soft:#a3afc2;--g-card:#1b2330;--g-rim:#334052;
 --g-line:#66758d;--g-tone:66%}}
@media print{.pipeline{--g-ink:#1a2230;--g-soft:#5a6679;--g-card:#fff;--g-rim:#d5dbe5;--g-line:#97a3b6;--g-tone:42%}}
"""


def draw(graph: Graph, widest: int = 5) -> str:
    """The SVG text of `graph`; `widest` is the most nodes that a layer holds where the data's order allows it."""
    direct = graph.direct()
    layout = place(list(graph.nodes), direct, widest)
    lines = {name: wrap(node.desc) for name, node in graph.nodes.items()}
    heights = [max(_height(lines[n]) for n in layer) if layer else 0.0 for layer in layout.layers]
    tops = [sum(heights[:r]) + RISE * r + 1 for r in range(len(heights))]
    layer_of = {n: r for r, layer in enumerate(layout.layers) for n in layer}
    width, height = layout.width + 2, tops[-1] + heights[-1] + 2
    ports = _ports(layout)
    body = []
    for a, b in sorted(graph.edges - direct):
        ends = (layout.x[a] + 1, tops[layer_of[a]] + _height(lines[a])), (layout.x[b] + 1, tops[layer_of[b]])
        body.append(_edge(a, b, f"M{_point(*ends[0])}{_curve(*ends[0], *ends[1])}", "edge implied"))
    for a, b in sorted(direct):
        path = _route(layout.routes[a, b], ports[a, b], layer_of[a], tops, heights, _height(lines[a]))
        body.append(_edge(a, b, path, "edge"))
        x, y = layout.x[b] + ports[a, b][1] + 1, tops[layer_of[b]]
        body.append(f'<path class="tip" d="M{x - 4:.1f} {y - 7:.1f}h8l-4 7z"/>')
    for name, node in graph.nodes.items():
        r = layer_of[name]
        hue = 190 + 130 * r / max(1, len(tops) - 1)
        body.append(_card(node, lines[name], layout.x[name] - NODE / 2 + 1, tops[r], hue))
    return (
        f'<svg class="pipeline" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="The pipeline: {len(graph.nodes)} nodes">'
        f"<style>{STYLE}</style>{''.join(body)}</svg>"
    )


def wrap(desc: str, most: int = 3) -> list[str]:
    """`desc` in at most `most` lines that fit a card; what is left out ends in an ellipsis."""
    return textwrap.wrap(desc, CHARS, max_lines=most, placeholder=" …")


def _height(lines: list[str]) -> float:
    return 2 * PAD + 15 + (LINE * len(lines) + 3 if lines else 0)


def _ports(layout: Layout) -> dict[tuple[str, str], tuple[float, float]]:
    """Where each edge leaves and enters, px from the node's centre: side by side, in the order of where they lead."""
    ports: dict[tuple[str, str], list[float]] = {edge: [0.0, 0.0] for edge in layout.routes}
    for side in (0, 1):
        for name in layout.x:
            own = [e for e in layout.routes if e[side] == name]
            own.sort(key=lambda e: layout.routes[e][1] if side == 0 else layout.routes[e][-2])
            step = min(26.0, (NODE - 60) / max(1, len(own)))
            for i, edge in enumerate(own):
                ports[edge][side] = (i - (len(own) - 1) / 2) * step
    return {edge: (a, b) for edge, (a, b) in ports.items()}


def _point(x: float, y: float) -> str:
    return f"{x:.1f} {y:.1f}"


def _curve(x0: float, y0: float, x1: float, y1: float) -> str:
    middle = (y0 + y1) / 2
    return f"C{_point(x0, middle)} {_point(x1, middle)} {_point(x1, y1)}"


def _route(
    xs: list[float], port: tuple[float, float], first: int, tops: list[float], heights: list[float], own: float
) -> str:
    """A smooth line from below a card, straight through each layer that it passes, to the top of a card."""
    x, y = xs[0] + port[0] + 1, tops[first] + own
    path = f"M{_point(x, y)}"
    bottom = tops[first] + heights[first]
    if bottom > y:
        path += f"V{bottom:.1f}"
        y = bottom
    for step, target in enumerate(xs[1:], 1):
        last = step == len(xs) - 1
        goal = target + 1 + (port[1] if last else 0)
        top = tops[first + step] - (6 if last else 0)
        path += _curve(x, y, goal, top)
        x, y = goal, top
        if not last:
            y = tops[first + step] + heights[first + step]
            path += f"V{y:.1f}"
    return path


def _edge(a: str, b: str, path: str, kind: str) -> str:
    return f'<path class="{kind}" data-from="{escape(a)}" data-to="{escape(b)}" d="{path}"/>'


def _card(node: Node, lines: list[str], x: float, y: float, hue: float) -> str:
    height = _height(lines)
    many = f"×{node.multiplicity}" if node.multiplicity > 1 else ""
    room = NODE - 25 - (LETTER * len(many) + 6 if many else 0)
    fit = f' textLength="{room:.0f}" lengthAdjust="spacingAndGlyphs"' if LETTER * len(node.name) > room else ""
    texts = [f'<text class="name" x="{x + 14:.1f}" y="{y + PAD + 11:.1f}"{fit}>{escape(node.name)}</text>']
    if many:
        texts.append(
            f'<text class="many" x="{x + NODE - 11:.1f}" y="{y + PAD + 11:.1f}" text-anchor="end">{many}</text>'
        )
    for i, line in enumerate(lines):
        texts.append(f'<text class="desc" x="{x + 14:.1f}" y="{y + PAD + 29 + LINE * i:.1f}">{escape(line)}</text>')
    tip = "\n".join(
        part
        for part in (
            node.desc,
            ("runs as " + ", ".join(node.instances)) if node.instances else "",
            ("writes " + ", ".join(node.writes[:8]) + (" …" if len(node.writes) > 8 else ""))
            if not node.source
            else "",
        )
        if part
    )
    kind = "node source" if node.source else "node"
    return (
        f'<g class="{kind}" data-name="{escape(node.name)}" style="--hue:{hue:.0f}"><title>{escape(tip)}</title>'
        f'<rect class="card" x="{x:.1f}" y="{y:.1f}" width="{NODE:.0f}" height="{height:.1f}" rx="9"/>'
        f'<rect class="bar" x="{x:.1f}" y="{y + 9:.1f}" width="4" height="{height - 18:.1f}" rx="2"/>'
        f"{''.join(texts)}</g>"
    )
