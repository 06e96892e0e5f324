"""The mean over splits against plain loops, and what counts as a split."""

import pandas as pd
import pytest

from sanreid.reporting.run import split_means
from sanreid.reporting.shared.results import MEASURES, Method, Results


def method(name, by_seed, floor=False):
    values = {seed: dict.fromkeys(MEASURES, value) for seed, value in by_seed.items()}
    curves = {
        seed: pd.DataFrame({"rank": [1, 2], "cmc": [value, min(1.0, value + 0.1)]}) for seed, value in by_seed.items()
    }
    return Method(name, name, floor, values, curves)


def test_seeds_are_averaged_over_splits_one_by_one():
    values = [{0: 0.5, 1: 0.7}, {0: 0.3, 1: 0.8}, {0: 0.4, 1: 0.0}]
    floors = [0.1, 0.2, 0.6]
    measured = [
        Results(f"cuhk03_classic_{i}", [method("san", v)], [method("stripes", {-1: f}, floor=True)])
        for i, (v, f) in enumerate(zip(values, floors, strict=True), 9)
    ]
    other = Results("market1501", [method("san", {0: 0.9})], [])
    (mean,) = split_means.means([measured[0], other, *measured[1:]])
    assert mean.set == "cuhk03_classic, mean of 3 splits"
    (san,), (stripes,) = mean.variants, mean.floors
    for seed in (0, 1):
        by_hand = sum(v[seed] for v in values) / 3
        assert all(san.seeds[seed][m] == pytest.approx(by_hand) for m in MEASURES)
        assert san.cmc[seed]["cmc"].tolist() == pytest.approx([by_hand, by_hand + 0.1])
        assert san.cmc[seed]["rank"].tolist() == [1, 2]
    assert stripes.mean("mAP") == pytest.approx(0.3)
    assert stripes.floor


def test_what_only_one_split_has_is_left_out():
    one = Results("a_1", [method("san", {0: 0.5}), method("baseline", {0: 0.5})], [method("stripes", {-1: 0.5}, True)])
    two = Results("a_2", [method("san", {0: 0.7})], [])
    (mean,) = split_means.means([one, two])
    assert [m.name for m in mean.variants] == ["san"]
    assert mean.floors == []


def test_textures_are_averaged_where_every_split_knows_them():
    def painted(by_seed):
        return Method("san", "san", False, method("san", {0: 0.5, 1: 0.5}).seeds, {}, by_seed)

    one = Results("a_1", [painted({0: {"l1": 0.1, "l1_hidden": 0.3}, 1: {"l1": 0.2}})], [])
    two = Results("a_2", [painted({0: {"l1": 0.3, "l1_hidden": 0.4}})], [])
    (mean,) = split_means.means([one, two])
    assert mean.variants[0].textures == {0: pytest.approx({"l1": 0.2, "l1_hidden": 0.35})}


def test_one_split_and_sets_without_a_number_have_no_mean():
    sets = ["a_1", "b_1", "campus_2023", "campus_2024", "cuhk03_labeled", "market1501", "_1"]
    assert split_means.means([Results(name, [method("san", {0: 0.5})], []) for name in sets]) == []
    assert [split_means.stem(name) for name in ("a_1", "a_20", "a_b_3", *sets[2:])] == ["a", "a", "a_b", *[None] * 5]
