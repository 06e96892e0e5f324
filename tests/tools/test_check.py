"""The project's own rules complain of what they are there for."""

from typing import Annotated

import pytest
from pydantic import Field

from sanreid import params
from tests import yamls
from tools import check


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        (("experiment", "variants"), "experiment.variants: nobody not under train_san.variants"),
        (("tables", "table1", "variants"), "tables.table1.variants: nobody not under"),
        (("report", "published", "market1501"), "report.published.market1501: nobody not under"),
        (("report", "comparisons"), "report.comparisons: nobody not under"),
    ],
)
def test_a_variant_that_nobody_defined_is_named(root, tmp_path, keys, named):
    values = params.parse((root / "profiles/demo.yaml").read_text())
    path = tmp_path / "params.yaml"
    path.write_text(yamls.dump(values))
    assert list(check.strange_names(path)) == []
    inner = values
    for key in keys:
        inner = inner[key]
    if isinstance(inner, dict):
        inner["nobody"] = [1.0, 2.0]
    else:
        inner.append(["nobody", "san"] if keys[-1] == "comparisons" else "nobody")
    path.write_text(yamls.dump(values))
    (complaint,) = check.strange_names(path)
    assert named in complaint


def test_a_broken_table_is_named(root, tmp_path):
    values = params.parse((root / "profiles/demo.yaml").read_text())
    del values["tables"]["table2"]["title"]
    path = tmp_path / "params.yaml"
    path.write_text(yamls.dump(values))
    (complaint,) = check.strange_names(path)
    assert "tables.table2.title" in complaint


def test_a_value_of_a_table_that_its_stage_would_refuse_is_named():
    class Training(params.Section):
        epochs: Annotated[int, Field(ge=1)]

    values = {
        "train": {"epochs": 2},
        "tables": {"one": {"set": ["train.epochs=0"]}, "two": {"set": ["train.epochs=9"]}},
    }
    (complaint,) = check.set_amiss("params.yaml", values, {"train": Training})
    assert complaint.startswith("params.yaml: tables.one.set: train.epochs: ")


def test_a_key_without_a_word_is_named_on_a_line_of_its_own_and_between_braces(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(
        "# lr: a rate; decay: another\na: {lr: 1, decay: 2,\n  steps: [3, 4]}\nb: 1 # of it\nc: 2\nd: {b: '#'} # it\n"
        "# of all\ne: {lr0.1_wd0.0_b5: 9.8}\n"
    )
    assert list(check.uncommented(path, check.named(path))) == [
        "params.yaml:3: no comment says what 'steps' is",
        "params.yaml:5: 'c: 2' has no comment (meaning, unit, source)",
    ]


def test_a_profile_that_says_what_its_base_says_is_named(tmp_path):
    (tmp_path / "demo.yaml").write_text("a: {b: 1, c: [2]}\nd: {}\n")
    (tmp_path / "paper.yaml").write_text("base: demo.yaml\na: {b: 2, c: [2]}\n")
    assert list(check.repeated(tmp_path / "paper.yaml")) == ["paper.yaml: a.c: as in demo.yaml; leave it out"]
    assert list(check.repeated(tmp_path / "demo.yaml")) == []


@pytest.mark.parametrize(
    ("name", "meta", "complaint"),
    [
        ("evaluate", {"gpus": 1, "minutes": 30}, None),
        ("train_it", {"gpus": 0, "minutes": 30, "retries": 1}, None),
        ("train_it", {"gpus": 1, "minutes": 30}, "train_it: meta must give gpus, minutes, retries"),
        ("evaluate", {"gpus": 1, "minutes": 30, "retries": 1}, "evaluate: meta must give gpus, minutes, and"),
        ("evaluate", {"gpus": 1, "minute": 30}, "evaluate: meta must give gpus, minutes"),
        ("evaluate", None, "evaluate: meta must give"),
        ("evaluate", {"gpus": 1, "minutes": 0}, "meta.minutes: 0 is no whole number of at least 1"),
        ("evaluate", {"gpus": -1, "minutes": 5}, "meta.gpus: -1"),
        ("train_it", {"gpus": 1, "minutes": 5, "retries": True}, "meta.retries: True"),
        ("evaluate", {"gpus": "1", "minutes": 5}, "meta.gpus: '1'"),
    ],
)
def test_strange_meta_is_named(name, meta, complaint):
    complaints = list(check.strange_meta(name, meta))
    assert len(complaints) == (complaint is not None)
    assert complaint is None or complaint in complaints[0]
