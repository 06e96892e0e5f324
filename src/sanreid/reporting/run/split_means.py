"""The numbered splits of one set (cuhk03_classic_1, cuhk03_classic_2, ...), whose mean is the published number.

Decisions: what ends in _<number> of one or two digits is a split, whoever made it, so that a user's own splits are
averaged too, and campus_2023 and campus_2024 are not. A seed's value is the mean over the splits of that seed; the
spread over seeds is then that of means. Floors are averaged alike.
"""

import re
from collections.abc import Callable

import pandas as pd

from sanreid.reporting.shared.results import Method, Results

NUMBERED = re.compile(r"(.+)_\d{1,2}")


def stem(name: str) -> str | None:
    """`cuhk03_classic` of `cuhk03_classic_12`; None for a set that is no split."""
    match = NUMBERED.fullmatch(name)
    return match[1] if match else None


def means(results: list[Results]) -> list[Results]:
    """A further result for each set of which at least two splits were measured, in the order of the first ones."""
    groups: dict[str, list[Results]] = {}
    for result in results:
        if (name := stem(result.set)) is not None:
            groups.setdefault(name, []).append(result)
    return [
        Results(
            f"{name}, mean of {len(group)} splits",
            _methods(group, lambda result: result.variants),
            _methods(group, lambda result: result.floors),
        )
        for name, group in groups.items()
        if len(group) > 1
    ]


def _methods(group: list[Results], of: Callable[[Results], list[Method]]) -> list[Method]:
    """The methods that every split has, averaged, in the order of the first."""
    tables = [{method.name: method for method in of(result)} for result in group]
    return [_mean([table[name] for table in tables]) for name in tables[0] if all(name in table for table in tables)]


def _mean(methods: list[Method]) -> Method:
    first = methods[0]
    curves = {
        seed: pd.concat(x.cmc[seed] for x in methods).groupby("rank", as_index=False)[["cmc"]].mean()
        for seed in first.cmc
        if all(seed in x.cmc for x in methods)
    }
    values, textures = _averaged([x.seeds for x in methods]), _averaged([x.textures for x in methods])
    return Method(first.name, first.label, first.floor, values, curves, textures)


def _averaged(splits: list[dict[int, dict[str, float]]]) -> dict[int, dict[str, float]]:
    """The mean over splits of each seed's values by name; a seed of which a split lacks one is left out."""
    return {
        seed: {name: sum(split[seed][name] for split in splits) / len(splits) for name in known}
        for seed, known in splits[0].items()
        if all(known.keys() <= split.get(seed, {}).keys() for split in splits)
    }
