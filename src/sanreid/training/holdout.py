"""Holds out a fraction of the training people for early stopping, as a small validation query and gallery.

Decision: as in Market-1501, the queries are one image of each person in each camera, and the gallery is the rest;
without cameras one image of each person.
"""

from typing import NamedTuple

import pandas as pd

from sanreid.bounds import Epochs, Within
from sanreid.params import Section
from sanreid.runtime import rng


class Holdout(Section):
    """The fraction of the training people to hold out, and the patience: epochs without a better mAP until the stop."""

    share: Within
    patience: Epochs


class Parts(NamedTuple):
    """Rows to train on, and rows of held-out people, whose split is query or gallery."""

    train: pd.DataFrame
    validation: pd.DataFrame


def split(rows: pd.DataFrame, share: float, seed: int) -> Parts:
    """Hold out `share` of the people of `rows` (of an index table), at least two of them; drawn by `seed`.

    Raises ValueError where fewer than two people would be left, or no held-out person has a match in another camera.
    """
    random = rng(seed, "held out")
    people = rows["pid"].sort_values().unique()
    count = max(2, round(share * len(people)))
    if len(people) - count < 2:
        raise ValueError(f"validation.share: {share} of {len(people)} people leaves {len(people) - count} to train on")
    chosen = random.permutation(people)[:count]
    mine = rows["pid"].isin(chosen)
    held = rows[mine].copy()
    shuffled = held.iloc[random.permutation(len(held))]
    first = ~shuffled.duplicated(["pid", "camid"])  # unknown cameras are one camera
    held["split"] = first.map({True: "query", False: "gallery"}).reindex(held.index)
    query, gallery = held[held["split"] == "query"], held[held["split"] == "gallery"]
    pairs = query.merge(gallery, on="pid", suffixes=("", "_other"))
    if not (pairs["camid"].isna() | (pairs["camid"] != pairs["camid_other"])).any():
        raise ValueError(f"validation.share: none of the {count} people held out is seen twice in another camera")
    return Parts(rows[~mine], held)
