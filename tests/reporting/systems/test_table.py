"""The comparison's table: which runs are in it, means over seeds, prices in words, published rows apart."""

import json

import pandas as pd
import pytest

from sanreid.params import ParamsError, validate
from sanreid.reporting.systems import table
from sanreid.reporting.systems.table import Experiment, Systems

SYSTEMS = {
    "names": ["strong", "two_head"],
    "variants": [],
    "sets": ["market1501", "cuhk03_labeled"],
    "alignments": [],
    "seeds": [0, 1],
    "start": "models/san_pg/texture",
}
EXPERIMENT = {"sets": ["cuhk03_labeled"], "variants": ["baseline", "san"], "generators": [], "seeds": [0], "cross": []}
PUBLISHED = {"market1501": {"strong baseline (2019)": (94.5, 85.9), "two-branch": (None, 81.0)}, "other": {"x": (1, 1)}}


def metrics(rank1: float, **more) -> dict:
    values = {"rank1": rank1, "rank5": rank1 + 0.1, "rank10": rank1 + 0.15, "mAP": rank1 - 0.1, "mINP": rank1 - 0.2}
    return {**values, "reranked": {"rank1": rank1, "mAP": rank1}, **more}


def write(folder, values: dict) -> None:
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(values))


@pytest.fixture
def trees(tmp_path):
    price = {"parameters": 2_810_000, "training_seconds": 62.9, "images_per_second": 470.2}
    for name in SYSTEMS["sets"]:
        for number, system in enumerate(SYSTEMS["names"]):
            for seed in (0, 1):
                rank1 = 0.5 + 0.1 * seed + 0.1 * number
                write(tmp_path / f"systems/{system}/{name}/seed{seed}", metrics(rank1, **price))
    write(tmp_path / "systems/earlier/market1501/seed0", metrics(0.9, **price))  # of an earlier run
    write(tmp_path / "san/cuhk03_labeled/san/seed0", {k: v for k, v in metrics(0.4).items() if k != "reranked"})
    return tmp_path / "systems", tmp_path / "san"


def rows(trees, **changes):
    systems = validate({**SYSTEMS, **changes}, Systems, "systems")
    experiment = validate(EXPERIMENT, Experiment, "experiment")
    return table.collect(systems, experiment, *trees, {"strong": "strong baseline"})


def test_the_sections_say_what_belongs_to_it(trees):
    found = rows(trees)
    assert [(r.set, r.name, r.kind) for r in found] == [
        ("market1501", "strong", "here"),
        ("market1501", "two_head", "here"),
        ("cuhk03_labeled", "strong", "here"),
        ("cuhk03_labeled", "two_head", "here"),
        ("cuhk03_labeled", "san", "main chain"),  # baseline was not measured
    ]
    assert [r.label for r in found[:2]] == ["strong baseline", "two_head"]


def test_means_and_deviations_over_seeds(trees):
    strong = rows(trees)[0]
    assert strong.mean("rank1") == pytest.approx(0.55)
    assert strong.deviation("rank1") == pytest.approx(0.1 / 2**0.5)
    assert strong.mean("reranked_mAP") == pytest.approx(0.55)
    cells = dict(zip([*table.MEASURES, *table.PRICES], table.cells(strong), strict=True))
    assert cells["rank1"] == "55.0 ± 7.1"
    assert (cells["parameters"], cells["training_seconds"], cells["images_per_second"]) == ("2.8 M", "63 s", "470")
    single = dict(zip(cells, table.cells(rows(trees, seeds=[1])[0]), strict=True))
    assert single["rank1"] == "60.0"


def test_what_is_not_known_is_empty(trees):
    san = rows(trees)[-1]
    assert san.mean("parameters") is None
    assert table.cells(san)[-4:] == ["", "", "", ""]


def test_long_trainings_are_told_in_minutes():
    row = table.Row("s", "x", "x", "here", {"training_seconds": [7260.0]})
    assert table.cells(row)[-2] == "121 min"


def test_published_numbers_are_marked_and_never_the_best(trees):
    everything = rows(trees) + table.published(PUBLISHED, SYSTEMS["sets"])
    text = table.markdown(everything)
    assert "| *strong baseline (2019) (published, real data)* | 94.5 |  |  | 85.9 |" in text
    assert "| *two-branch (published, real data)* |  |  |  | 81.0 |" in text
    assert "**two_head**" in text
    best = table.champion([r for r in everything if r.set == "market1501"])
    assert best is not None
    assert best.name == "two_head"
    assert not [r for r in everything if r.set == "other"]


def test_the_csv_holds_every_digit_and_says_the_kind(trees):
    frame = table.frame(rows(trees) + table.published(PUBLISHED, ["market1501"]))
    assert frame["kind"].tolist() == ["here"] * 4 + ["main chain"] + ["published"] * 2
    assert frame["seeds"].tolist()[:5] == [2, 2, 2, 2, 1]
    assert pd.isna(frame["seeds"].iloc[-1])
    assert frame["rank1_sd"].iloc[0] == pytest.approx(0.1 / 2**0.5)
    assert frame["mAP"].iloc[-2] == pytest.approx(0.859)


def test_a_run_that_was_not_measured_is_named(trees):
    with pytest.raises(FileNotFoundError, match=r"strong/market1501/seed7/metrics\.json: not found; `dvc repro"):
        rows(trees, seeds=[7])
    with pytest.raises(ParamsError, match=r"systems\.names"):
        rows(trees, names=[])
