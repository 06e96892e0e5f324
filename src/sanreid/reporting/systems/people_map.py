"""A map of a few people's images by their features: near each other where the network finds them alike (t-SNE).

Decisions: the people are those with most images, as in the two-branch network's report; colour tells the person and
the mark its camera, so that a network that sorts by camera betrays itself. The exact t-SNE (van der Maaten and Hinton
2008), since a few hundred points need no approximation, from the first two principal components: the same features
give the same map. Distances between far clusters mean nothing.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.manifold import TSNE

from sanreid.evaluation.ranking import DISTRACTOR
from sanreid.reporting.shared.image_grids import Picture, rasterised

PEOPLE = 10
PERPLEXITY = 30.0  # neighbours that count, where there are images enough
MARKS = "o^sDvPX*<>"
COLOURS = ["C0", "C1", "C2", "C3", "C4", "C5", "C6", "#20242c", "C8", "C9"]  # no grey: that is the cameras'
INCHES, DPI = (7.4, 5.2), 100


def most_seen(rows: pd.DataFrame, people: int = PEOPLE) -> list[int]:
    """The pids with most images, the most first (equal counts by pid); distractors are nobody."""
    counts = rows.loc[rows["pid"] != DISTRACTOR, "pid"].value_counts().rename("count").reset_index()
    return counts.sort_values(["count", "pid"], ascending=[False, True])["pid"].head(people).tolist()


def project(features: NDArray[np.float32], seed: int = 0) -> NDArray[np.float32]:
    """Points (N, 2) of features (N, D); all in one place where there is nothing to tell them apart by.

    That is where fewer than three are there, or the network gives every image the same feature.
    """
    if len(features) < 3 or not np.ptp(features, axis=0).any():
        return np.zeros((len(features), 2), np.float32)
    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", method="exact", random_state=seed, n_jobs=1)
    return np.asarray(tsne.fit_transform(np.asarray(features, np.float64)), np.float32)


def draw(features: NDArray[np.float32], rows: pd.DataFrame, seed: int = 0) -> Picture:
    """The map of the people of `rows` (of an index table) with most images; features (N, D) in their order."""
    people = most_seen(rows)
    chosen = rows["pid"].isin(people).to_numpy()
    points, shown = project(features[chosen], seed), rows[chosen]
    cameras = sorted(shown["camid"].dropna().unique())
    figure = Figure(figsize=INCHES, dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    for number, pid in enumerate(people):
        own = (shown["pid"] == pid).to_numpy()
        for camera in cameras or [None]:
            here = own if camera is None else own & (shown["camid"] == camera).fillna(False).to_numpy(bool)
            mark = MARKS[cameras.index(camera) % len(MARKS)] if camera is not None else MARKS[0]
            axes.scatter(
                *points[here].T, s=34, marker=mark, color=COLOURS[number % len(COLOURS)], alpha=0.8, linewidths=0
            )
        axes.scatter([], [], s=34, marker="o", color=COLOURS[number % len(COLOURS)], label=f"person {pid}")
    for number, camera in enumerate(cameras):
        axes.scatter([], [], s=34, marker=MARKS[number % len(MARKS)], color="0.45", label=f"camera {camera}")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color("0.85")
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    return rasterised(figure)
