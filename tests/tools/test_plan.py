"""The stages as plain data: resolved by DVC with overrides, and read where no DVC is."""

import subprocess
import sys

import pytest

from flows.dag import GraphError
from flows.overriding import OverrideError
from tools import plan


@pytest.fixture(scope="module")
def planned(root):
    return plan.steps(root, ["evaluate_san"], ["experiment.seeds=[3]", "experiment.variants=[san]"])


def test_a_plan_holds_what_the_target_needs_in_order_with_the_overrides(root, planned):
    names = [step.name for step in planned]
    assert names[-1] == "evaluate_san@cuhk03_labeled-san-3"
    assert "train_san@cuhk03_labeled-san-3" in names
    assert not {name for name in names if name.endswith("-0") or name.startswith(("report", "train_strong"))}
    for number, step in enumerate(planned):
        assert set(step.needs) <= set(names[:number])
    training = planned[names.index("train_san@cuhk03_labeled-san-3")]
    assert training.gpus == 1
    assert training.minutes
    assert "--seed '3'" in training.command
    assert training.outs == ("models/san/cuhk03_labeled/san/seed3",)
    assert {"stages/train_san.py", "data/interim/cuhk03_labeled"} <= set(training.deps)
    metrics = "reports/san/cuhk03_labeled/san/seed3/metrics.json"
    assert metrics in planned[-1].outs


def test_a_plan_leaves_the_projects_files_alone_and_refuses_what_dvc_cannot_do(root, planned):
    assert "seeds: [3]" not in (root / "params.yaml").read_text()
    with pytest.raises(OverrideError, match=r"params\.yaml: experiment\.seedz=\[3\]: no key.*experiment\.seeds"):
        plan.steps(root, [], ["experiment.seedz=[3]"])
    with pytest.raises(GraphError, match=r"'reprot' is no stage of dvc\.yaml; did you mean report"):
        plan.steps(root, ["reprot"], [])


def test_no_project_is_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"dvc\.yaml: not found.*project's folder"):
        plan.steps(tmp_path, [], [])


def test_a_written_plan_is_read_as_it_was_where_neither_dvc_nor_prefect_is(root, planned, tmp_path):
    file = tmp_path / "plan.json"
    plan.write(file, planned)
    assert plan.read(file) == planned
    without = "import sys; sys.modules.update(dvc=None, prefect=None, hydra=None)\n"
    code = without + f"from pathlib import Path; from tools import plan; print(len(plan.read(Path({str(file)!r}))))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.stdout == f"{len(planned)}\n", done.stderr


@pytest.mark.parametrize("text", ["", "{", "3", '[{"name": "a"}]', '["a"]'])
def test_what_is_no_plan_is_one_line_that_names_the_file(tmp_path, text):
    file = tmp_path / "plan.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"plan\.json: no plan \("):
        plan.read(file)
