"""Differences are paired by seed, and only what the interval shows on enough seeds is claimed."""

import pytest

from sanreid.reporting.shared import paired_differences, results


def method(name: str, seeds: dict[int, float]) -> results.Method:
    values = {k: {"rank1": v, "rank5": 0.9, "mAP": v / 2, "mINP": 0.5} for k, v in seeds.items()}
    return results.Method(name, name, False, values, {})


def pair(control: dict[int, float], san: dict[int, float]) -> results.Results:
    return results.Results("cuhk03", [method("control", control), method("san", san)], [])


def judged(points: list[float]) -> str:
    values = dict(enumerate(points))
    return paired_differences.Comparison("a", "b", dict.fromkeys(results.MEASURES, values)).verdict("rank1")


def test_differences_are_paired_by_seed():
    r = pair({0: 0.70, 1: 0.80, 5: 0.1}, {1: 0.81, 0: 0.73})
    found = paired_differences.compare(r, "san", "control")
    assert found.differences["rank1"] == pytest.approx({0: 3.0, 1: 1.0})  # seed 5 has no partner
    assert found.differences["mAP"] == pytest.approx({0: 1.5, 1: 0.5})
    assert found.name == "san − control"
    assert sorted(found.seeds) == [0, 1]
    assert found.mean("rank1") == pytest.approx(2.0)
    assert found.deviation("rank1") == pytest.approx(2**0.5)  # of 3 and 1
    assert found.interval("rank1") == pytest.approx((2 - 12.7062, 2 + 12.7062), abs=1e-3)  # t of 1 degree, / sqrt(2)
    assert paired_differences.compare(r, "san", "nobody") is None
    assert paired_differences.compare(pair({0: 0.7}, {1: 0.8}), "san", "control") is None


def test_pairing_removes_what_seeds_share():
    # the variants differ by 30 points between seeds, and by 2 within each
    base = {0: 0.5, 1: 0.8, 2: 0.65}
    found = paired_differences.compare(pair(base, {0: 0.52, 1: 0.82, 2: 0.671}), "san", "control")
    assert found.verdict("rank1") == "gain"


@pytest.mark.parametrize(
    ("points", "verdict"),
    [
        ([5.0], "few"),
        ([5.0, 5.1], "few"),  # an interval of 5.05 +- 0.64 excludes 0, but two seeds are two
        ([5.0, 5.1, 5.2], "gain"),
        ([-5.0, -5.1, -5.2], "loss"),
        ([1.0, 4.0, 10.0], "none"),  # 5 +- 4.303 * 4.583 / sqrt(3) = 11.4
        ([1.0, 4.0, 10.0, 1.0, 4.0, 10.0, 5.0], "gain"),  # as scattered, but seven of them
        ([0.0, 0.0, 0.0], "none"),
    ],
)
def test_a_claim_needs_three_seeds_and_an_interval_without_zero(points, verdict):
    assert judged(points) == verdict


def test_the_bound_is_the_intervals_end():
    # 3 seeds, deviation 1: half the interval is 4.3027 / sqrt(3) = 2.4841
    assert judged([1.48, 2.48, 3.48]) == "none"
    assert judged([1.49, 2.49, 3.49]) == "gain"


def test_pairs_keep_their_order_and_those_of_other_runs_are_left_out():
    r = results.Results("s", [method(n, {0: v}) for n, v in (("a", 0.1), ("b", 0.2), ("c", 0.4))], [])
    found = paired_differences.compare_all(r, [("d", "a"), ("c", "a"), ("b", "nobody"), ("b", "a")])
    assert [c.name for c in found] == ["c − a", "b − a"]
