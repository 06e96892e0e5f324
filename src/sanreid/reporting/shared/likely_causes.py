"""In words, the likely why of each query: in which measured facts it lies at the edge of all queries of its set.

Decisions: "dark" has no meaning of its own, so each fact is compared with the other queries of the same set, and said
where the query lies beyond STANDS_OUT of them on the side that hurts. That is a likely cause, and by chance one query
in twenty has it: so `summary` asks of each whether it is more frequent among the WORST than among all. It counts from
the worse QUARTER of a fact on, since in the last twentieth are too few to tell, and names a cause where as many lie
among the worst in less than CHANCE of draws (hypergeometric, shared by the causes tried). A fact that is not known is
NaN; nothing is guessed of it.
"""

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import hypergeom

STANDS_OUT = 0.95  # of the other queries: beyond so many, a fact is said. 0.9 would find something in most queries
MOST = 3  # causes in a sentence, the rarest first
QUARTER = 0.75
WORST = 0.1  # of the queries, by average precision, are the worst
CHANCE = 0.05


class Cause(NamedTuple):
    """A fact (a column), whether its low or high end hurts, a name for the summary, and words for the sentence.

    `words` may use {than} ("95 % of the queries"), {value} and {usual} (the median), both written by `form`, {numbers}
    ("3 %, usually 5 %"), and {who} (the wrong person most answers show).
    """

    fact: str
    low: bool
    name: str
    words: str
    form: str = "{:.0%}"


CAUSES = (
    Cause("visible", True, "little of the body seen", "less of the body is seen than in {than} ({numbers})"),
    Cause("brightness", True, "dark", "it is darker than {than} (brightness {numbers})"),
    Cause("brightness", False, "bright", "it is brighter than {than} (brightness {numbers})"),
    Cause("contrast", True, "flat", "it has less contrast than {than} ({numbers})"),
    Cause("sharpness", True, "blurred", "it is more blurred than {than} (sharpness {numbers})", "{:.2f}"),
    Cause("height", True, "small", "it is smaller than {than} (height {numbers})", "{:.0f} px"),
    Cause(
        "light",
        False,
        "lit unlike its answers",
        "it is lit unlike its right answers, more than {than} ({numbers} apart)",
    ),
    Cause(
        "own_camera",
        False,
        "answers from its own camera",
        "{value} of its first answers are other people in its own camera (usually {usual}): a look-alike place",
    ),
    Cause(
        "lookalike",
        False,
        "one look-alike",
        "{value} of its first answers show {who}, a look-alike (usually {usual} show the most frequent wrong one)",
    ),
)
FACTS = tuple(dict.fromkeys(cause.fact for cause in CAUSES))
NOTHING = "nothing measured stands out"
FAULTLESS = "no mistake: every right answer comes before a wrong one"


def beyond(facts: pd.DataFrame) -> NDArray[np.float64]:
    """(Q, causes): the share of the other queries that the query is worse than by the cause's fact; 0 if unknown."""
    shares = np.zeros((len(facts), len(CAUSES)))
    for i, cause in enumerate(CAUSES):
        values = facts[cause.fact].to_numpy(float) * (1 if cause.low else -1)
        known = np.sort(values[~np.isnan(values)])
        better = len(known) - np.searchsorted(known, values, side="right")  # strictly: an equal one is no better
        shares[:, i] = np.where(np.isnan(values), 0, better / max(1, len(known) - 1))
    return shares


def sentences(facts: pd.DataFrame, precision: NDArray[np.float64]) -> list[str]:
    """The likely why of each query: `facts` has a row each, columns the causes' facts and `who`; `precision` (Q,) is
    their average precision.
    """
    usual, told = facts[list(FACTS)].median(), []
    for shares, row, reached in zip(beyond(facts), facts.to_dict("records"), precision, strict=True):
        order = np.argsort(-shares, kind="stable")[:MOST]
        said = [_words(CAUSES[i], float(shares[i]), row, usual) for i in order if shares[i] >= STANDS_OUT]
        if not said and shares[order[0]] >= QUARTER:
            said = [f"{NOTHING}; nearest to it: {_words(CAUSES[order[0]], float(shares[order[0]]), row, usual)}"]
        told.append(FAULTLESS if reached == 1 else "; ".join(said) or NOTHING)
    return told


def summary(facts: pd.DataFrame, precision: NDArray[np.float64]) -> str:
    """Which causes, and which cameras (column `camid`), are more frequent among the worst queries than among all."""
    total, count = len(facts), max(1, round(WORST * len(facts)))
    worst = np.argsort(precision, kind="stable")[:count]
    shares = beyond(facts)
    some = np.asarray((shares >= STANDS_OUT).any(axis=1))
    tried = {c.name: shares[:, i] >= QUARTER for i, c in enumerate(CAUSES) if facts[c.fact].notna().any()}
    tried |= {f"camera {c:.0f}": (facts["camid"] == c).to_numpy() for c in sorted(facts["camid"].dropna().unique())}
    found = []
    for name, has in tried.items():
        chance = hypergeom.sf(has[worst].sum() - 1, total, has.sum(), count)
        found.append((chance, f"{name}, {has[worst].mean():.0%} (of all queries {has.mean():.0%})"))
    more = [words for chance, words in sorted(found) if chance < CHANCE / len(tried)]
    said = f"In the worst tenth of the queries ({count} of {total}) "
    said += (
        f"there is more often than chance explains: {'; '.join(more)}. "
        if more
        else (f"no cause is more frequent than chance explains; the nearest to that is {min(found)[1]}. ")
    )
    said += f"Something stands out in {some[worst].mean():.0%} of them, and in {some.mean():.0%} of all queries."
    return said.replace("%", " %")


def _words(cause: Cause, share: float, row: dict[Hashable, Any], usual: pd.Series) -> str:
    """What a cause says of a query that is worse than the `share` of the others."""
    value, median = (cause.form.format(x).replace("%", " %") for x in (row[cause.fact], usual[cause.fact]))
    than = "all other queries" if share == 1 else f"{int(100 * share)} % of the queries"
    numbers = f"{value}, usually {median}"
    return cause.words.format(than=than, value=value, usual=median, numbers=numbers, who=row["who"])
