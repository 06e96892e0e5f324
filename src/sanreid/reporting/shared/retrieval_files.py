"""What every evaluation of a re-ID network leaves beside its metrics.json: curves, ranked lists, failures, maps.

Decisions: SAN's evaluation and the other systems' write the same files, so that pages and `make compare` read one
format. Ranked lists show the whole gallery, whatever the protocol that counts.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor, nn

from sanreid import runtime
from sanreid.data.images import read_rgb, write_rgb
from sanreid.evaluation import calibration, features
from sanreid.evaluation.distances import Metric
from sanreid.evaluation.ranking import Ranking
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
    table = failures.table(images.name, rows, query, gallery, whole, metric, p.top)
    table.to_csv(folder / "queries.csv", index=False, float_format="%.6g")
    runtime.write_json(folder / "failures.json", failures.describe(images, rows, query, whole, p.queries))
    places = {path: i for i, path in enumerate(rows["path"])}

    def looked_at(path: str) -> Picture:
        strength = activation.strengths(net, decoded[places[path]][None], 1)[0]
        return activation.overlay(read_rgb(images / path), strength)

    given = images, rows, query, gallery, whole, metric, p
    write_rgb(folder / "ranked.jpg", ranked_lists.draw(*given))
    write_rgb(folder / "failures.jpg", ranked_lists.draw(*given, failures.worst(whole.average_precision, p.queries)))
    write_rgb(folder / "looks.jpg", ranked_lists.draw(*given, None, looked_at))
