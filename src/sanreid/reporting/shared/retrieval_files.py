"""What every evaluation of a re-ID network leaves beside its metrics.json: curves, ranked lists, failures, maps.

Decisions: SAN's evaluation and the other systems' write the same files, so that pages and `make compare` read one
format. Ranked lists show the whole gallery, whatever the protocol that counts.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor, nn

from sanreid import runtime
from sanreid.data.images import read_rgb, write_rgb
from sanreid.evaluation import calibration, features, ranking
from sanreid.evaluation.distances import Metric
from sanreid.evaluation.ranking import Embeddings, Ranking
from sanreid.reporting.shared import activation, failures, ranked_lists
from sanreid.reporting.shared.image_grids import Picture


def write(
    folder: Path,
    images: Path,
    rows: pd.DataFrame,
    net: nn.Module,
    decoded: Tensor,
    extracted: NDArray[np.float32],
    result: Ranking,
    whole: Ranking,
    metric: Metric,
    p: ranked_lists.Lists,
) -> None:
    """`folder` gets cmc.csv (rank, cmc), verification.json and roc.csv (`calibration.write`), ranked.jpg and looks.jpg
    (the same lists, and where the feature looks), failures.json and failures.jpg (the worst queries), queries.csv.

    `rows` (N) are the query and gallery rows of the index table in `images`, `decoded` (N, 3, H, W) and `extracted`
    (N, D) their pictures and features by `net`. `result` is the ranking that counts, `whole` the one by the whole
    gallery.
    """
    pd.DataFrame({"rank": np.arange(1, len(result.cmc) + 1), "cmc": result.cmc}).to_csv(folder / "cmc.csv", index=False)
    calibration.write(folder, extracted, rows)
    query, gallery = features.split(extracted, rows)
    given = images, rows, query, gallery, whole, metric, p
    places = {path: i for i, path in enumerate(rows["path"])}
    orders = write_reasons(folder, *given, net, lambda path: decoded[places[path]][None])
    table = failures.table(images.name, rows, query, gallery, whole, orders)
    table.to_csv(folder / "queries.csv", index=False, float_format="%.6g")
    write_rgb(folder / "ranked.jpg", ranked_lists.draw(*given))


def write_reasons(
    folder: Path,
    images: Path,
    rows: pd.DataFrame,
    query: Embeddings,
    gallery: Embeddings,
    whole: Ranking,
    metric: Metric,
    p: ranked_lists.Lists,
    net: nn.Module,
    read: Callable[[str], Tensor],
    chosen: NDArray[np.int64] | None = None,
) -> failures.Orders:
    """`folder` gets failures.json and failures.jpg, the worst queries, and looks.jpg, of the `chosen` ones or a draw.

    `read` has the picture of a path as `net` gets it, uint8 (1, 3, H, W). Returns each query's first `p.top` answers.
    """

    def looked_at(path: str) -> Picture:
        return activation.overlay(read_rgb(images / path), activation.strengths(net, read(path), 1)[0])

    given = images, rows, query, gallery, whole, metric, p
    orders = ranking.nearest(query, gallery, metric, p.top)
    told = failures.describe(images, rows, query, gallery, whole, orders, p.queries)
    runtime.write_json(folder / "failures.json", told)
    write_rgb(folder / "failures.jpg", ranked_lists.draw(*given, failures.worst(whole.average_precision, p.queries)))
    write_rgb(folder / "looks.jpg", ranked_lists.draw(*given, chosen, looked_at))
    return orders
