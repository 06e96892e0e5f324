"""Numbers are collected as they were written, spreads are what they say, and the sentence never claims too much."""

import json

import pandas as pd
import pytest

from sanreid.reporting import results, tables
from tests.reporting import fake_run

POINTS = {"rank1": 0.8, "rank5": 0.9, "mAP": 0.7, "mINP": 0.5}


def method(name: str, seeds: dict[int, float], floor: bool = False) -> results.Method:
    values = {k: POINTS | {"rank1": v, "mAP": v / 2} for k, v in seeds.items()}
    return results.Method(name, name, floor, values, {})


def result(control: dict[int, float], san: dict[int, float]) -> results.Results:
    floors = [method("stripes_centred", {-1: 0.4}, floor=True), method("random", {-1: 0.01}, floor=True)]
    return results.Results("cuhk03", [method("control", control), method("san", san)], floors)


def told(control: dict[int, float], san: dict[int, float]) -> str:
    r = result(control, san)
    return tables.sentence(r, results.compare(r, "san", "control"))


def test_collects_what_the_stages_wrote(tmp_path):
    fake_run.build(tmp_path)
    (found,) = results.collect(fake_run.EXPERIMENT, tmp_path / "reports/san", tmp_path / "reports/floor")
    assert found.set == fake_run.SET
    assert [m.name for m in found.variants] == ["baseline", "baseline_syn", "san"]
    assert [m.name for m in found.floors] == ["random", "untrained", "stripes", "stripes_centred"]
    san = found.method("san")
    assert {k: v["rank1"] for k, v in san.seeds.items()} == {0: 0.887, 1: 0.902}
    assert san.mean("rank1") == pytest.approx((0.887 + 0.902) / 2)
    assert san.spread("rank1") == pytest.approx((0.902 - 0.887) / 2)
    assert san.cmc[1]["cmc"].iloc[0] == pytest.approx(0.902)
    assert found.method("stripes").cmc[-1]["cmc"].iloc[0] == pytest.approx(0.174)
    assert found.best().name == "san"
    assert found.method("untrained").spread("mAP") is None


def test_an_earlier_experiments_runs_stay_out_and_the_order_is_the_experiments(tmp_path):
    fake_run.build(tmp_path)
    experiment = results.Experiment([fake_run.SET], ["san", "baseline"], [1])
    (found,) = results.collect(experiment, tmp_path / "reports/san", tmp_path / "reports/floor")
    assert [(m.name, list(m.seeds)) for m in found.variants] == [("san", [1]), ("baseline", [1])]


ONE = results.Experiment(["cuhk03"], ["baseline"], [0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps(POINTS | {"mAP": 70.0}), r"metrics\.json: mAP = 70\.0 is no fraction"),
        (json.dumps({k: v for k, v in POINTS.items() if k != "mINP"}), "mINP = None"),
        (json.dumps(POINTS | {"rank1": True}), "rank1 = True"),
        ("{", "not JSON"),
        ("[1]", "object was expected"),
    ],
)
def test_a_broken_metrics_file_is_named(tmp_path, text, message):
    folder = tmp_path / "san/cuhk03/baseline/seed0"
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        results.collect(ONE, tmp_path / "san", tmp_path / "floor")


def test_a_missing_metrics_file_and_a_wrong_curve_are_named(tmp_path):
    folder = tmp_path / "san/cuhk03/baseline/seed0"
    folder.mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="seed0/metrics"):
        results.collect(ONE, tmp_path / "san", tmp_path / "floor")
    (folder / "metrics.json").write_text(json.dumps(POINTS))
    pd.DataFrame({"k": [1], "cmc": [0.8]}).to_csv(folder / "cmc.csv", index=False)
    with pytest.raises(ValueError, match="columns rank and cmc were expected, not k, cmc"):
        results.collect(ONE, tmp_path / "san", tmp_path / "floor")


def test_differences_are_paired_by_seed():
    r = result({0: 0.70, 1: 0.80, 5: 0.1}, {1: 0.81, 0: 0.73})
    found = results.compare(r, "san", "control")
    assert found.differences["rank1"] == pytest.approx({0: 3.0, 1: 1.0})  # seed 5 has no partner
    assert found.differences["mAP"] == pytest.approx({0: 1.5, 1: 0.5})
    assert found.noise["rank1"] == pytest.approx(70.0)  # the control's range over all its seeds
    assert results.compare(r, "san", "nobody") is None
    assert results.compare(result({0: 0.7}, {1: 0.8}), "san", "control") is None


def test_the_sentence_claims_only_what_exceeds_the_seeds():
    assert "gain beyond what seeds change" in told({0: 0.70, 1: 0.71}, {0: 0.75, 1: 0.76})
    assert "loss beyond what seeds change" in told({0: 0.75, 1: 0.76}, {0: 0.70, 1: 0.71})
    # the mean difference of 5 points equals the control's range of 5: no claim
    assert "seeds alone could not make" in told({0: 0.70, 1: 0.75}, {0: 0.75, 1: 0.80})
    # a mean of 4 points above ranges of 1 and 3, but of one seed only: the signs disagree
    assert "seeds alone could not make" in told({0: 0.70, 1: 0.70, 2: 0.70}, {0: 0.71, 1: 0.69, 2: 0.72})
    assert "one seed shows nothing" in told({0: 0.70}, {0: 0.90})


def test_the_sentence_gives_the_numbers():
    text = told({0: 0.70, 1: 0.71}, {0: 0.75, 1: 0.76})
    assert "san minus control is +5.0 rank-1 and +2.5 mAP points on average" in text
    assert "seeds alone change a variant by up to 1.0 rank-1 and 0.5 mAP" in text
    assert "The best variant, san, is 35.5 points above stripes_centred" in text
    assert "−5.0 rank-1" in told({0: 0.75, 1: 0.76}, {0: 0.70, 1: 0.71})
    below = results.Results("s", [method("san", {0: 0.3})], [method("stripes", {-1: 0.4}, floor=True)])
    assert "10.0 points below stripes" in tables.sentence(below, None)


def test_measures_may_disagree():
    differences = {"rank1": {0: 5.0, 1: 6.0}, "mAP": {0: 0.1, 1: 0.2}}
    comparison = results.Comparison("a", "b", differences, {"rank1": 1.0, "mAP": 1.0})
    assert (comparison.verdict("rank1"), comparison.verdict("mAP")) == ("above", "within")
    text = tables.sentence(result({0: 0.7, 1: 0.7}, {0: 0.8, 1: 0.8}), comparison)
    assert "in rank-1 that is a gain" in text
    assert "in mAP that is no difference" in text


def test_text_columns_stand_under_each_other():
    r = result({0: 0.70, 1: 0.71}, {0: 0.755, 1: 0.765})
    text = tables.text([r], [None], "reports/index.html")
    lines = text.splitlines()
    head = next(line for line in lines if "rank-1 " in line)
    san = next(line for line in lines if line.strip().startswith("san"))
    stripes = next(line for line in lines if "stripes_centred" in line)
    for column in ("rank-1", "rank-5", "mAP", "mINP"):
        end = head.index(column) + len(column)
        assert san[end - 1].isdigit()
        assert stripes[end - 1].isdigit()
        assert san[end : end + 1] in ("", " ")
    assert "76.0 ± 0.5" in san
    assert "0: 75.5 / 37.8, 1: 76.5 / 38.2" in san
    assert "40.0 ±" not in stripes
    assert lines[-1] == "The page: reports/index.html"


def test_markdown_is_a_table_with_the_best_variant_bold():
    r = result({0: 0.70, 1: 0.71}, {0: 0.75, 1: 0.76})
    text = tables.markdown([r], [results.compare(r, "san", "control")])
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 4
    assert {row.count("|") for row in rows} == {7}
    assert [row for row in rows if "**" in row] == [row for row in rows if row.startswith("| **san** |")]
    assert "gain beyond" in text


def test_nothing_evaluated():
    assert "No variant" in tables.sentence(results.Results("s", [], []), None)
