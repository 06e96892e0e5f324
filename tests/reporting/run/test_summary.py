"""The numbers and curves for DVC's commands, against the files that they come from."""

import pandas as pd
import pytest

from sanreid.reporting.run import summary
from sanreid.reporting.shared import results
from tests.reporting.run import fake_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return fake_run.build(tmp_path_factory.mktemp("run"), rank1=fake_run.TABLE1 | {})


@pytest.fixture(scope="module")
def measured(run):
    experiment = results.Experiment([fake_run.SET], ["baseline", "san"], [0, 1])
    return results.collect(experiment, run / "reports/san", run / "reports/floor")


def test_numbers_are_means_over_seeds_and_the_best_floor(run, measured):
    found = summary.metrics(measured, run / "reports/textures")
    first, second = fake_run.TABLE1["baseline"][:2]
    assert found["baseline"] == {"rank1": round((first + second) / 2, 5), "mAP": round(0.87 * (first + second) / 2, 5)}
    assert found["san"]["texture_l1"] == round(fake_run.PAINTS["san"] + 0.0005, 5)
    assert found["floor"]["rank1"] == fake_run.FLOOR["stripes_centred"]
    assert found["textures"] == {"l1": 0.15}
    assert sum(len(values) for values in found.values()) <= 12
    further = summary.metrics([*measured, *measured], run / "none")
    assert list(further) == ["baseline", "san", "floor", *(f"{fake_run.SET}/{n}" for n in ("baseline", "san", "floor"))]


def test_cmc_is_the_mean_of_the_seeds_curves(run, measured):
    table = summary.cmc(measured)
    assert list(table.columns) == ["method", "rank", "cmc"]
    files = [run / f"reports/san/{fake_run.SET}/san/seed{k}/cmc.csv" for k in (0, 1)]
    mean = sum(pd.read_csv(file)["cmc"] for file in files) / 2
    ours = table[table["method"] == "san"]
    assert ours["rank"].tolist() == list(range(1, 51))
    assert ours["cmc"].tolist() == pytest.approx(mean.tolist(), abs=1e-5)
    assert set(table["method"]) == {"baseline", "san", *fake_run.FLOOR}
    assert summary.cmc([]).empty


def test_losses_are_an_epochs_means_without_terms_that_are_off(run, measured):
    experiment = results.Experiment([fake_run.SET], ["baseline", "san"], [0, 1])
    table = summary.losses(experiment, run / "models/san", run / "models/san_pg")
    assert list(table.columns) == ["method", "term", "epoch", "loss"]
    files = [run / f"models/san/{fake_run.SET}/san/seed{k}/history.csv" for k in (0, 1)]
    steps = pd.concat([pd.read_csv(file) for file in files])
    ours = table[(table["method"] == "san") & (table["term"] == "triplet") & (table["epoch"] == 3)]
    assert ours["loss"].item() == pytest.approx(steps[steps["epoch"] == 3]["triplet"].mean(), abs=1e-5)
    assert not table["loss"].isna().any()
    assert set(table[table["method"] == "san_pg"]["term"]) == {"reconstruction", "held_out_l1"}
    with pytest.raises(FileNotFoundError, match=r"history\.csv"):
        summary.losses(experiment, run / "none", run / "models/san_pg")
