"""A sweep becomes one run of the comparison, whose rows are the two-branch network's variants."""

import pytest

from sanreid.params import ParamsError, read
from tools import experiment, sweep


@pytest.fixture
def parameters(root):
    return root / "profiles" / "demo.yaml"


def test_all_variants_take_the_rows(parameters):
    variants = list(read(parameters)["train_two_branch"]["variants"])
    new = sweep.changes(parameters, [], 2, ["market1501"])
    rows = {"names": variants, "variants": variants, "alignments": []}  # no AlignedReID among them
    assert new == {"systems": {**rows, "seeds": [0, 1], "sets": ["market1501"]}}
    assert "sets" not in sweep.changes(parameters, [], 2, [])["systems"]


def test_the_reports_ablation_and_its_four_margins_are_among_them(parameters):
    variants = read(parameters)["train_two_branch"]["variants"].values()
    drawn = [v for v in variants if v["sampling"] == "random"]
    assert {v["margin"] for v in drawn if v["id_loss"]} == {1.0, 5.0, 10.0, 15.0}
    assert any(v["margin"] == 10.0 and not v["id_loss"] for v in drawn)


def test_some_by_name_and_a_typo_is_named(parameters):
    assert sweep.changes(parameters, ["two_branch_no_id"], 1, [])["systems"]["names"] == ["two_branch_no_id"]
    with pytest.raises(ParamsError, match=r"two_branch_margin_7 not under train_two_branch\.variants: two_branch, "):
        sweep.changes(parameters, ["two_branch_margin_7"], 1, [])


def test_dvc_brings_the_comparison_up_to_date():
    new = {"systems": {"names": ["a", "b"], "seeds": [0]}}
    words = experiment.command(new, "compare_systems")
    assert words[-1] == "compare_systems"
    assert "systems.names=[a,b]" in words


def test_the_comparison_is_printed_and_a_failure_is_not(tmp_path, monkeypatch, capsys, parameters):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(parameters.read_text())
    sweep.REPORT.parent.mkdir(parents=True)
    sweep.REPORT.write_text("the table\n")
    monkeypatch.setattr(experiment, "run", lambda words, file, new: 0)
    assert sweep.main(["--seeds", "1"]) == 0
    assert capsys.readouterr().out == "the table\n"
    monkeypatch.setattr(experiment, "run", lambda words, file, new: 3)
    assert sweep.main([]) == 3
    assert "the table" not in capsys.readouterr().out
