"""The page of two runs side by side: parameters that differ, metrics with deltas, the same queries ranked by both.

Decisions: what only one run has is shown and not compared. Of the queries that both ranked those are shown whose
average precision differs most, whichever way: that is where the runs are not the same.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pandas as pd

from sanreid.reporting.run.parameters import Leaves
from sanreid.reporting.shared.image_grids import Picture as Pixels
from sanreid.reporting.shared.image_grids import Ranked, ranked_list


class Metric(NamedTuple):
    """A number of a metrics file in both runs; None where a run lacks it."""

    file: str
    key: str
    a: float | None
    b: float | None

    @property
    def delta(self) -> float | None:
        """B minus A, where both are known."""
        return None if self.a is None or self.b is None else self.b - self.a


def metrics(a: Mapping[str, Leaves], b: Mapping[str, Leaves]) -> list[Metric]:
    """Every number of the metrics files (path -> leaves) of either run."""

    def number(values: Leaves, key: str) -> float | None:
        value = values.get(key)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    keys = ((f, key) for f in sorted({*a, *b}) for key in dict.fromkeys([*a.get(f, {}), *b.get(f, {})]))
    found = [Metric(f, key, number(a.get(f, {}), key), number(b.get(f, {}), key)) for f, key in keys]
    return [row for row in found if (row.a, row.b) != (None, None)]


def apart(a: pd.DataFrame, b: pd.DataFrame, count: int) -> pd.DataFrame:
    """The `count` queries of two tables queries.csv whose average precision differs most; columns end in _a and _b."""
    both = a.merge(b, on=["set", "path", "pid"], suffixes=("_a", "_b"))
    gain = both["average_precision_b"] - both["average_precision_a"]
    order = gain.abs().sort_values(ascending=False, kind="stable").index[:count]
    return both.assign(gain=gain).loc[order]


def sheet(queries: pd.DataFrame, read: Callable[[str], Pixels], names: tuple[str, str]) -> Pixels:
    """Two rows a query of `apart`: as A ranks it, as B does; `read` gives the picture of a path in the set."""
    rows = []
    for query in queries.to_dict("records"):
        for side, name in zip("ab", names, strict=True):
            gallery = [item.replace("%20", " ").rsplit("|", 1) for item in query[f"nearest_{side}"].split()]
            precision, first = 100 * query[f"average_precision_{side}"], query[f"first_match_{side}"]
            heading = f"{name}  ·  person {query['pid']}  ·  first true match at rank {first}"
            rows.append(
                Ranked(
                    query=read(query["path"]),
                    gallery=[read(path) for path, _ in gallery],
                    right=[pid == str(query["pid"]) for _, pid in gallery],
                    heading=f"{heading}  ·  average precision {precision:.0f} %",
                    labels=[pid for _, pid in gallery],
                )
            )
    return ranked_list(rows)
