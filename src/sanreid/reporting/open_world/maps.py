"""Maps of a stream (t-SNE): what the network finds alike, beside what raw pixels have alike; flat, and turnable.

Decisions: Barnes and Hut's t-SNE (van der Maaten 2014) from the first principal components, at most 50 of them, so the
same points give the same map. The turnable maps are an HTML page that takes plotly from beside it, and no network. Only
neighbourhoods mean something in such a map; sizes of clusters and gaps between far ones do not.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure
from numpy.typing import NDArray
from plotly.subplots import make_subplots
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from sanreid.reporting.shared import templates
from sanreid.reporting.shared.image_grids import Picture, rasterised

COMPONENTS, PERPLEXITY = 50, 30.0
COLOURS = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#5b6b8c", "#bcbd22", "#17becf"]


class Map(NamedTuple):
    """Points (N, 2) or (N, 3), their classes (N,), and what the map is of."""

    title: str
    points: NDArray[np.float32]
    classes: NDArray[np.int64]


def project(values: NDArray[np.floating], dimensions: int, seed: int, steps: int) -> NDArray[np.float32]:
    """Points (N, dimensions) of `values` (N, D), in `steps` of descent; all in one place where all values are equal.

    Raises ValueError for fewer than five.
    """
    if len(values) < 5:
        raise ValueError(f"a map needs at least five images, given {len(values)}")
    reduced = np.asarray(values, np.float64).reshape(len(values), -1)
    if not np.ptp(reduced, axis=0).any():
        return np.zeros((len(values), dimensions), np.float32)
    if reduced.shape[1] > COMPONENTS:
        reduced = PCA(min(COMPONENTS, len(values)), svd_solver="full").fit_transform(reduced)
    perplexity = min(PERPLEXITY, (len(values) - 1) / 3)
    tsne = TSNE(dimensions, perplexity=perplexity, init="pca", max_iter=steps, random_state=seed, n_jobs=1)
    return np.asarray(tsne.fit_transform(reduced), np.float32)


def flat(rows: Sequence[Sequence[Map]], word: str) -> Picture:
    """One picture of the maps (N, 2), a row of panels each; colour is the class, `word` names what a class is."""
    height, width = len(rows), max(len(row) for row in rows)
    figure = Figure(figsize=(5.2 * width + 1, 4.6 * height), dpi=100, layout="constrained")
    axes = figure.subplots(height, width, squeeze=False)
    names = sorted({int(c) for row in rows for one in row for c in np.unique(one.classes)})
    for panels, row in zip(axes, rows, strict=True):
        for panel in panels[len(row) :]:
            panel.set_axis_off()
        for panel, one in zip(panels, row, strict=False):
            size = 14 if len(one.points) <= 1000 else 7
            for c in np.unique(one.classes):
                panel.scatter(*one.points[one.classes == c].T, s=size, color=_colour(c), alpha=0.8, linewidths=0)
            panel.set(xticks=[], yticks=[])
            panel.set_title(one.title, fontsize=10)
            panel.spines[:].set_color("0.85")
    for c in names:
        axes[0, 0].scatter([], [], s=30, color=_colour(c), label=f"{word} {c}")
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    return rasterised(figure)


def turnable(rows: Sequence[Sequence[Map]], word: str, title: str) -> str:
    """One HTML page with the maps (N, 3), a row of scenes each, to turn with the mouse.

    plotly's script is the one that all pages share: 4.8 MB that lie in reports/assets once.
    """
    width = max(len(row) for row in rows)
    titles = [title for row in rows for title in [*(one.title for one in row), *[""] * (width - len(row))]]
    figure = make_subplots(
        len(rows),
        width,
        specs=[[{"type": "scene"}] * width for _ in rows],
        subplot_titles=titles,
        horizontal_spacing=0.02,
        vertical_spacing=0.04,
    )
    told = set()
    for i, row in enumerate(rows, 1):
        for j, one in enumerate(row, 1):
            for c in np.unique(one.classes):
                x, y, z = one.points[one.classes == c].T.round(2).tolist()
                name = f"{word} {c}"
                marks = {"size": 2.4, "color": _colour(c), "opacity": 0.85}
                trace = go.Scatter3d(x=x, y=y, z=z, mode="markers", name=name, legendgroup=name, marker=marks)
                figure.add_trace(trace.update(showlegend=name not in told, hoverinfo="name"), row=i, col=j)
                told.add(name)
    bare = {
        "showticklabels": False,
        "title": "",
        "showbackground": False,
        "gridcolor": "rgba(125, 137, 155, 0.3)",
        "zeroline": False,
    }
    figure.update_scenes(xaxis=bare, yaxis=bare, zaxis=bare)
    figure.update_layout(height=620 * len(rows), margin={"l": 10, "r": 10, "t": 40, "b": 10}, template="plotly_white")
    grey = {"color": "#7d899b"}  # seen on a light page and on a dark one
    figure.update_layout(legend={"itemsizing": "constant", "orientation": "h", "y": -0.02}, font=grey)
    figure.update_layout(paper_bgcolor="rgba(0,0,0,0)")
    # a name of its own drawing would be another at every run
    drawn = figure.to_html(include_plotlyjs="../assets/plotly.min.js", full_html=False, div_id="maps")
    return templates.render("open_world/maps.html", headline=title, drawn=drawn)


def _colour(c: int) -> str:
    return COLOURS[int(c) % len(COLOURS)]  # a digit keeps its colour from map to map
