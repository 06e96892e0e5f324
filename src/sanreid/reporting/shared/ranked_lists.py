"""Which ranked lists are worth a look, and the sheet of them.

Decisions: queries are drawn with a seed, half of them right at rank 1 and half wrong where there are enough of both, so
that a sheet shows how a model fails as well as how it works; the images are shown as they are on disk, not as the
network saw them.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sanreid import runtime
from sanreid.bounds import Columns, InPicture, Seed
from sanreid.data.images import read_rgb
from sanreid.evaluation.distances import Metric
from sanreid.evaluation.ranking import DISTRACTOR, Embeddings, Ranking, nearest
from sanreid.params import Section
from sanreid.reporting.shared.image_grids import Picture, Ranked, ranked_list


class Lists(Section):
    """How many queries, how much of the gallery, and which draw."""

    queries: InPicture
    top: Columns
    seed: Seed


def choose(first_match: NDArray[np.int64], p: Lists) -> NDArray[np.int64]:
    """Indices of counted queries (`Ranking.first_match`): half with a right rank 1, half without, right ones first.

    Where one kind lacks the other fills up.
    """
    generator = runtime.rng(p.seed, "ranked lists")
    right = generator.permutation(np.flatnonzero(first_match == 1))
    wrong = generator.permutation(np.flatnonzero(first_match > 1))
    of_wrong = min(len(wrong), max(p.queries // 2, p.queries - len(right)))
    return np.concatenate([right[: p.queries - of_wrong], wrong[:of_wrong]])


def spread(average_precision: NDArray[np.float64], queries: int) -> NDArray[np.int64]:
    """Indices of `queries` counted queries (`Ranking.average_precision`): the best, the middle and the worst, a third
    of them each, best first; of equal ones the first.
    """
    counted = np.flatnonzero(~np.isnan(average_precision))
    order = counted[np.argsort(-average_precision[counted], kind="stable")]
    if len(order) <= queries:
        return order
    best, worst = -(-queries // 3), queries // 3
    middle = queries - best - worst
    start = min(max((len(order) - middle) // 2, best), len(order) - worst - middle)
    return np.concatenate([order[:best], order[start : start + middle], order[len(order) - worst :]])


def draw(
    folder: Path,
    rows: pd.DataFrame,
    query: Embeddings,
    gallery: Embeddings,
    result: Ranking,
    metric: Metric,
    p: Lists,
    chosen: NDArray[np.int64] | None = None,
    read: Callable[[str], Picture] | None = None,
) -> Picture:
    """A sheet of ranked lists; `rows` are the index's query and gallery rows, whose paths are relative to `folder`.

    Its queries are the `chosen` ones, by number, or those that `choose` draws. `read` gives the picture
    of a path where it is not shown as it lies there.
    """
    read = read or (lambda path: read_rgb(folder / path))
    of_query = rows.loc[rows["split"] == "query", "path"].to_list()
    of_gallery = rows.loc[rows["split"] == "gallery", "path"].to_list()
    chosen = choose(result.first_match, p) if chosen is None else chosen
    camids = None if query.camids is None else query.camids[chosen]
    few = Embeddings(query.features[chosen], query.pids[chosen], camids)
    lists = []
    for i, order in enumerate(nearest(few, gallery, metric, p.top)):
        q = chosen[i]
        words = f"first true match at rank {result.first_match[q]}  ·  average precision"
        lists.append(
            Ranked(
                query=read(of_query[q]),
                gallery=[read(of_gallery[g]) for g in order],
                right=[bool(gallery.pids[g] == query.pids[q]) for g in order],
                heading=f"{_title(few, i)}  ·  {words} {100 * result.average_precision[q]:.0f} %",
                labels=[_label(gallery, g) for g in order],
            )
        )
    return ranked_list(lists)


def _title(query: Embeddings, i: int) -> str:
    place = "" if query.camids is None else f", camera {query.camids[i]}"
    return f"person {query.pids[i]}{place}"


def _label(gallery: Embeddings, g: int) -> str:
    who = "nobody" if gallery.pids[g] == DISTRACTOR else str(gallery.pids[g])
    return who if gallery.camids is None else f"{who}, c{gallery.camids[g]}"
