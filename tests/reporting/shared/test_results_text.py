"""Numbers are collected as they were written, spreads are what they say, and the sentence never claims too much."""

import json

import pandas as pd
import pytest

from sanreid.reporting.shared import ablations, paired_differences, results, results_table, results_text
from tests.reporting.run import fake_run

POINTS = {"rank1": 0.8, "rank5": 0.9, "mAP": 0.7, "mINP": 0.5}


def method(name: str, seeds: dict[int, float], floor: bool = False) -> results.Method:
    values = {k: POINTS | {"rank1": v, "mAP": v / 2} for k, v in seeds.items()}
    return results.Method(name, name, floor, values, {})


def result(control: dict[int, float], san: dict[int, float]) -> results.Results:
    floors = [method("stripes_centred", {-1: 0.4}, floor=True), method("random", {-1: 0.01}, floor=True)]
    return results.Results("cuhk03", [method("control", control), method("san", san)], floors)


def told(control: dict[int, float], san: dict[int, float]) -> str:
    r = result(control, san)
    return results_text.sentence(r, paired_differences.compare(r, "san", "control"))


def test_collects_what_the_stages_wrote(tmp_path):
    fake_run.build(tmp_path)
    (found,) = results.collect(fake_run.EXPERIMENT, tmp_path / "reports/san", tmp_path / "reports/floor")
    assert found.set == fake_run.SET
    assert [m.name for m in found.variants] == ["baseline", "baseline_syn", "san"]
    assert [m.name for m in found.floors] == ["random", "untrained", "stripes", "stripes_centred"]
    san = found.method("san")
    assert {k: v["rank1"] for k, v in san.seeds.items()} == {0: 0.887, 1: 0.902}
    assert san.mean("rank1") == pytest.approx((0.887 + 0.902) / 2)
    assert san.deviation("rank1") == pytest.approx((0.902 - 0.887) / 2**0.5)  # of two values
    assert san.cmc[1]["cmc"].iloc[0] == pytest.approx(0.902)
    assert found.method("stripes").cmc[-1]["cmc"].iloc[0] == pytest.approx(0.174)
    assert found.best().name == "san"
    assert found.method("untrained").deviation("mAP") is None
    assert [m.textures for m in found.variants] == [{}, {}, {}]


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


def test_own_textures_are_collected_where_a_run_has_them(tmp_path):
    for seed, textures in enumerate(({"l1": 0.2, "l1_visible": None, "l1_hidden": 0.1}, None)):
        folder = tmp_path / f"san/cuhk03/baseline/seed{seed}"
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps(POINTS | {"textures": textures}))
    experiment = results.Experiment(["cuhk03"], ["baseline"], [0, 1])
    (found,) = results.collect(experiment, tmp_path / "san", tmp_path / "floor")
    (run,) = found.variants
    assert run.textures == {0: {"l1": 0.2, "l1_hidden": 0.1}}
    assert (run.texture("l1"), run.texture("l1_visible")) == ([0.2], [])
    (folder / "metrics.json").write_text(json.dumps(POINTS | {"textures": {"l1": 20}}))
    with pytest.raises(ValueError, match=r"seed1/metrics\.json: textures\.l1 = 20 is no fraction"):
        results.collect(experiment, tmp_path / "san", tmp_path / "floor")


def test_other_sets_results_are_collected_by_pair_and_a_hole_is_named(tmp_path):
    fake_run.build(tmp_path)
    fake_run.cross(tmp_path, fake_run.EXPERIMENT, "market1501")
    tests, folder = [fake_run.SET, "market1501"], tmp_path / "reports/cross"
    (found,) = results.collect_crossed(fake_run.EXPERIMENT, tests, folder)  # its own set is no other
    assert (found.train, found.test) == (fake_run.SET, "market1501")
    assert [m.name for m in found.variants] == fake_run.EXPERIMENT.variants
    assert found.variants[2].values("rank1") == pytest.approx([0.487, 0.502])
    (folder / fake_run.SET / "market1501/san/seed1/metrics.json").unlink()
    with pytest.raises(FileNotFoundError, match="market1501/san/seed1"):
        results.collect_crossed(fake_run.EXPERIMENT, tests, folder)


def test_the_sentence_claims_only_what_the_interval_shows():
    # differences of 5, 5 and 6 points: 5.33 +- 4.303 * 0.577 / sqrt(3) = 1.43
    gain = told({0: 0.70, 1: 0.71, 2: 0.72}, {0: 0.75, 1: 0.76, 2: 0.78})
    assert "san minus control is +5.3 rank-1 [+3.9, +6.8] and +2.7 mAP [+1.9, +3.4] points on average" in gain
    assert gain.endswith("over 3 paired seeds (95 % intervals): a gain.")
    loss = told({0: 0.75, 1: 0.76, 2: 0.78}, {0: 0.70, 1: 0.71, 2: 0.72})
    assert "−5.3 rank-1 [−6.8, −3.9]" in loss
    assert loss.endswith(": a loss.")
    # every seed agrees on the sign and the mean is 5 points, and yet three seeds do not show it
    assert told({0: 0.7, 1: 0.7, 2: 0.7}, {0: 0.71, 1: 0.74, 2: 0.80}).endswith(
        ": no difference that these seeds show."
    )


def test_few_seeds_show_nothing_whatever_the_difference():
    two = told({0: 0.70, 1: 0.71}, {0: 0.95, 1: 0.96})
    assert "san minus control is +25.0 rank-1 and +12.5 mAP points on average" in two
    assert two.endswith("2 seeds are too few to show a difference.")
    assert "gain" not in two
    assert "one seed shows nothing" in told({0: 0.70}, {0: 0.90})
    assert "`make table1 SEEDS=5`" in told({0: 0.70}, {0: 0.90})


def test_the_sentence_says_where_the_best_stands():
    assert "The best variant, san, is 35.5 points above stripes_centred" in told({0: 0.7, 1: 0.71}, {0: 0.75, 1: 0.76})
    below = results.Results("s", [method("san", {0: 0.3})], [method("stripes", {-1: 0.4}, floor=True)])
    assert "10.0 points below stripes" in results_text.sentence(below, None)
    level = results.Results("s", [method("san", {0: 0.1 + 0.2})], [method("stripes", {-1: 0.3}, floor=True)])
    assert "The best variant, san, is level with stripes in rank-1." in results_text.sentence(level, None)


def test_measures_may_disagree():
    differences = {"rank1": {0: 5.0, 1: 6.0, 2: 5.5}, "mAP": {0: 0.1, 1: -0.2, 2: 0.1}}
    comparison = paired_differences.Comparison("a", "b", differences)
    text = results_text.sentence(result({0: 0.7, 1: 0.7, 2: 0.7}, {0: 0.8, 1: 0.8, 2: 0.8}), comparison)
    assert text.endswith(": in rank-1 a gain, in mAP no difference that these seeds show.")


def outcome(control: dict[int, float], san: dict[int, float]) -> results_table.Outcome:
    return results_table.outcomes([result(control, san)], [("san", "control")], {}, {})[0]


def test_text_columns_stand_under_each_other():
    text = results_text.text([outcome({0: 0.70, 1: 0.71}, {0: 0.755, 1: 0.775})], "reports/index.html")
    lines = text.splitlines()
    head = next(line for line in lines if "rank-1  " in line)
    san = next(line for line in lines if line.strip().startswith("san "))
    stripes = next(line for line in lines if "stripes_centred  " in line)
    for column in ("rank-1", "rank-5", "mAP", "mINP"):
        end = head.index(column) + len(column)
        assert san[end - 1].isdigit()
        assert stripes[end - 1].isdigit()
        assert san[end : end + 1] in ("", " ")
    assert "76.5 ± 1.4" in san
    assert "40.0 ±" not in stripes
    seeds = lines[next(i for i, line in enumerate(lines) if "rank-1 / mAP of seed" in line) :]
    assert seeds[0].split()[-2:] == ["0", "1"]
    assert seeds[3].split() == ["san", "75.5", "/", "37.8", "77.5", "/", "38.8"]
    assert lines[-1] == "The page: reports/index.html"


def test_text_gives_differences_with_their_interval():
    lines = results_text.text([outcome({0: 0.70, 1: 0.70, 2: 0.70}, {0: 0.75, 1: 0.76, 2: 0.77})], "p").splitlines()
    (row,) = [line for line in lines if "san − control" in line]
    assert row.split()[:4] == ["san", "−", "control", "3"]
    assert "+6.0 ± 1.0 [+3.5, +8.5]   +3.0 ± 0.5 [+1.8, +4.2]   gain" in row
    assert not [
        line for line in results_text.text([outcome({0: 0.7}, {0: 0.8})], "p").splitlines() if "of seed" in line
    ]


def test_prose_is_broken_and_tables_are_not():
    text = results_text.text([outcome(dict.fromkeys(range(5), 0.7), dict.fromkeys(range(5), 0.75))], "p")
    assert max(len(line) for line in text.splitlines() if "minus" in line) <= results_text.WIDE


def test_markdown_is_a_table_with_the_best_variant_bold():
    text = results_text.markdown([outcome({0: 0.70, 1: 0.71}, {0: 0.75, 1: 0.76})])
    whole, seeds, differences = (part.splitlines() for part in text.split("\n\n") if part.startswith("|"))
    assert len(whole) == 2 + 4
    assert {row.count("|") for row in whole} == {6}
    assert [row for row in whole if "**" in row] == [row for row in whole if row.startswith("| **san** |")]
    assert seeds[0] == "| rank-1 / mAP of seed | 0 | 1 |"
    assert seeds[-1] == "| san | 75.0 / 37.5 | 76.0 / 38.0 |"
    assert differences[-1] == (
        "| san − control | 2 | +5.0 ± 0.0 [+5.0, +5.0] | +2.5 ± 0.0 [+2.5, +2.5] | too few seeds |"
    )
    assert "too few to show a difference" in text


def test_a_whole_table_of_ablations_in_both_forms(tmp_path):
    seeds = [0, 1, 2, 3, 4]
    fake_run.build(tmp_path, seeds=tuple(seeds), rank1=fake_run.TABLE1)
    experiment = results.Experiment([fake_run.SET], list(fake_run.TABLE1), seeds)
    fake_run.cross(tmp_path, experiment, "market1501")
    measured = results.collect(experiment, tmp_path / "reports/san", tmp_path / "reports/floor")
    crossed = results.collect_crossed(experiment, [fake_run.SET, "market1501"], tmp_path / "reports/cross")
    shown = ablations.read(tmp_path / "params.yaml")
    outcomes = results_table.outcomes(measured, fake_run.PAIRS, shown, fake_run.PUBLISHED)
    text, markdown = results_text.text(outcomes, "p", crossed), results_text.markdown(outcomes, crossed)
    for words in (text, markdown):
        assert "Table 1: what each part brings" in words
        assert "over 5 seeds" in words
        assert "0.145 ± 0.002" in words  # 0.143 + 0.001 * seed
        assert "80.1 / 76.4" in words
        assert "Trained on one set, tested on another" in words
        assert "cuhk03_labeled → market1501" in words
    verdicts = {line.split("   ")[0].strip(): line.split("   ")[-1] for line in text.splitlines() if " − b" in line}
    assert verdicts == {
        "san − baseline_syn": "gain",
        "san_syn − baseline_syn": "no difference shown",
        "san_tr − baseline": "loss",
        "san_basic − baseline": "gain",
    }
    assert "| **SAN (`san`)** | 88.9 ± 1.0 |" in markdown
    assert "48.9 ± 1.0" in text.split("market1501")[-1]  # 40 points below


def test_nothing_evaluated():
    assert "No variant" in results_text.sentence(results.Results("s", [], []), None)
