"""The evaluation protocol of a data set, which its index table states.

Decision: a constant column `protocol` in the index table (CUHK03's classic splits have it); a table without it is
evaluated by the standard protocol (whole gallery, Market-1501). So no stage needs a list of sets by name.
"""

import pandas as pd

from sanreid import runtime
from sanreid.data.index import SINGLE_GALLERY_SHOT, WHOLE_GALLERY
from sanreid.evaluation import ranking
from sanreid.evaluation.distances import Metric
from sanreid.evaluation.ranking import Embeddings, Ranking


def of(rows: pd.DataFrame) -> str:
    """The protocol of the rows of an index table, which `index.check` holds to one and a known one."""
    return rows["protocol"].iloc[0] if "protocol" in rows else WHOLE_GALLERY


def evaluate(
    query: Embeddings, gallery: Embeddings, protocol: str, metric: Metric, max_rank: int, repeats: int, seed: int
) -> Ranking:
    """Rank by `protocol`; `repeats` and `seed` are of the drawn galleries, and read by single_gallery_shot alone."""
    if protocol == SINGLE_GALLERY_SHOT:
        return ranking.single_gallery_shot(query, gallery, metric, max_rank, repeats, seed)
    return ranking.evaluate(query, gallery, metric, max_rank, device=runtime.device())
