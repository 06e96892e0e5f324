"""Table 1 of what there is: rows over the seeds that they have, intervals, and what the numbers answer."""

import json
from pathlib import Path

import pytest

from sanreid.reporting.scale import table

FEW = "Not to be told from fewer than 3 seeds"
PARAMS = """\
experiment: {sets: [set], variants: [baseline, baseline_syn, san], generators: [texture], seeds: [0, 1, 2], cross: []}
report: {comparisons: [[san, baseline_syn]]}
tables: {}
"""


def measured(folder: Path, variant: str, *precisions: float) -> None:
    """The variant's evaluations, a seed each."""
    for seed, value in enumerate(precisions):
        place = folder / "reports/san/set" / variant / f"seed{seed}"
        place.mkdir(parents=True)
        values = {"rank1": value, "rank5": 0.9, "mAP": value, "mINP": 0.1}
        (place / "metrics.json").write_text(json.dumps(values))


def read(folder: Path) -> list:
    (folder / "params.yaml").write_text(PARAMS)
    return table.read(folder, table.layout(folder / "params.yaml"))


def test_a_variant_has_the_seeds_that_were_evaluated_and_none_no_row(tmp_path):
    measured(tmp_path, "san", 0.5, 0.6)
    (outcome,) = read(tmp_path)
    (row,) = table.plain([outcome])[0]["rows"]
    assert (row["name"], list(row["seeds"])) == ("san", ["0", "1"])
    assert row["mAP"]["mean"] == pytest.approx(0.55)
    low, high = row["mAP"]["interval"]
    assert (low, high) == pytest.approx((0.55 - 0.6353, 0.55 + 0.6353), abs=1e-4)  # t = 12.706, s = 0.0707
    assert table.intervals(outcome) == [["san", "[−8.5, 118.5]", "[90.0, 90.0]", "[−8.5, 118.5]", "[10.0, 10.0]"]]
    assert "Not known" in table.answer(outcome.headline)


def test_nothing_evaluated_is_told(tmp_path):
    assert read(tmp_path) == []
    assert table.markdown([], "from here") == "from here\n\nNothing was evaluated.\n"


@pytest.mark.parametrize(
    ("san", "said"),
    [
        ((0.5, 0.52, 0.54), "Yes, by an interval that excludes 0: san − baseline_syn is +10.0 points of mAP [+10.0"),
        ((0.3, 0.32, 0.34), "No, they cost, by an interval that excludes 0: san − baseline_syn is −10.0"),
        ((0.5, 0.40, 0.42), "No difference is shown: san − baseline_syn is +2.0 points of mAP ["),
        (
            (0.5, 0.52),
            f"{FEW}: san − baseline_syn is +10.0 points of mAP with 2 seeds.",
        ),
        ((0.5,), f"{FEW}: san − baseline_syn is +10.0 points of mAP with 1 seed."),
    ],
)
def test_the_answer_claims_no_more_than_the_seeds_show(tmp_path, san, said):
    measured(tmp_path, "baseline_syn", 0.4, 0.42, 0.44)
    measured(tmp_path, "san", *san)
    (outcome,) = read(tmp_path)
    assert f"Do the texture losses help? {said}" in table.answer(outcome.headline)
    markdown = table.markdown([outcome], "from here")
    assert markdown.startswith("from here\n\n**set**")
    assert f"**{table.answer(outcome.headline)}**" in markdown
    assert "| baseline_syn | [37.0, 47.0] | [90.0, 90.0] | [37.0, 47.0] | [10.0, 10.0] |" in markdown
