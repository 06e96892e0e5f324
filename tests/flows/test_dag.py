"""The graph as flows see it: order, targets, a matrix's names, what DVC says has changed."""

import json
import sys

import pytest

from flows import dag

GRAPH = """
stages:
  late:
    desc: "  Reads
      both "
    cmd: cat out/train-* > out/late
    deps: [out/train-a, out/train-b]
    outs: [out/late]
    meta: {gpus: 2, minutes: 1.5, retries: 1}
  train:
    matrix:
      kind: [a, b]
    cmd: mkdir -p out && cat out/base > out/train-${item.kind} && echo '{"x":1}' > out/${item.kind}.json
    deps: [out/base]
    params: [size]
    outs: ["out/train-${item.kind}"]
    metrics: ["out/${item.kind}.json"]
    meta: {gpus: 1, minutes: 5}
  base:
    cmd: mkdir -p out && cp ${raw.set} out/base
    deps: ["${raw.set}"]
    outs: [out/base]
  alone:
    cmd: mkdir -p out && echo > out/alone
    plots: [out/alone]
"""
FILES = {"params.yaml": "size: 1\nraw: {set: source.txt}\n", "source.txt": "data\n"}


@pytest.fixture
def clone(make):
    return make(GRAPH, FILES)


def test_upstream_stages_come_first_and_members_of_a_matrix_are_stages(clone):
    stages = dag.load(clone)
    assert set(stages) == {"base", "train@a", "train@b", "late", "alone"}
    names = list(stages)
    for stage in stages.values():
        assert all(names.index(upstream) < names.index(stage.name) for upstream in stage.upstream)
    assert stages["late"].upstream == ("train@a", "train@b")


def test_what_a_stage_says_of_itself(clone):
    stages = dag.load(clone)
    late = stages["late"]
    assert (late.desc, late.gpus, late.minutes, late.retries) == ("Reads both", 2, 1.5, 1)
    assert late.deps == ("out/train-a", "out/train-b")
    train = stages["train@b"]
    assert train.metrics == ("out/b.json",)
    assert train.outs == ("out/train-b", "out/b.json")
    assert (train.retries, stages["base"].gpus, stages["base"].minutes) == (0, 0, None)
    assert stages["base"].deps == ("source.txt",)
    assert stages["alone"].plots == ("out/alone",)
    assert dag.parameters(clone)["train@a"] == {"size": 1}
    assert dag.parameters(clone)["late"] == {}


@pytest.mark.parametrize(
    ("targets", "wanted"),
    [
        (["base"], ["base"]),
        (["train@a"], ["base", "train@a"]),
        (["train"], ["base", "train@a", "train@b"]),
        (["alone", "train@b"], ["alone", "base", "train@b"]),
        ([], ["alone", "base", "late", "train@a", "train@b"]),
    ],
)
def test_targets_bring_what_they_need_and_no_more(clone, targets, wanted):
    assert sorted(dag.load(clone, targets)) == wanted


def test_an_unknown_target_is_named_with_what_is_near(clone):
    with pytest.raises(dag.GraphError, match=r"'trian' is no stage of dvc.yaml; did you mean train"):
        dag.load(clone, ["trian"])


def test_a_broken_graph_is_a_graph_error_that_names_the_file(clone):
    (clone / "dvc.yaml").write_text(GRAPH.replace("${raw.set} out/base", "${raw.gone} out/base"))
    with pytest.raises(dag.GraphError, match=r"dvc\.yaml.*raw\.gone"):
        dag.load(clone)


def test_a_mistake_in_yaml_is_shown_with_its_line(clone):
    (clone / "dvc.yaml").write_text("stages:\n  one:\n    deps: [a${x}]\n")
    with pytest.raises(dag.GraphError, match=r"line 3"):
        dag.load(clone)


def test_a_frozen_stage_waits_for_nothing(clone):
    (clone / "dvc.yaml").write_text(GRAPH.replace("    desc:", "    frozen: true\n    desc:", 1))
    assert list(dag.load(clone, ["late"])) == ["late"]


def test_descendants(clone):
    stages = dag.load(clone)
    assert dag.descendants(stages, ["base"]) == {"train@a", "train@b", "late"}
    assert dag.descendants(stages, ["train@a"]) == {"late"}
    assert dag.descendants(stages, ["alone", "late"]) == set()


def test_dvc_says_what_has_changed(clone, dvc):
    assert set(dag.changes(clone)) == set(dag.load(clone))
    dvc(clone, "repro")
    assert dag.changes(clone) == {}
    assert dag.up_to_date(clone, "base")
    (clone / "source.txt").write_text("other\n")
    assert set(dag.changes(clone)) == {"base"}
    assert not dag.up_to_date(clone, "base")
    assert dag.up_to_date(clone, "late")  # DVC looks at the stage alone: its upstream comes first
    (clone / "out/late").unlink()
    assert set(dag.changes(clone, ["late", "alone"])) == {"late"}
    assert dag.changes(clone, []) == {}


def test_many_questions_at_once_have_the_answers_of_single_ones(clone, dvc):
    dvc(clone, "repro")
    for change in (lambda: (clone / "params.yaml").write_text("size: 2\nraw: {set: source.txt}\n"), lambda: None):
        with dag.held(clone):
            assert dag.load(clone) == dag.load(clone, ["alone", "late"])
            before = dag.changes(clone)
            assert {name: found for n in dag.load(clone) for name, found in dag.changes(clone, [n]).items()} == before
        change()
    told = dvc(clone, "status", "--json")
    assert json.loads(told) == {name: list(found) for name, found in dag.changes(clone).items()}
    assert set(dag.changes(clone)) == {"train@a", "train@b"}


def test_the_projects_own_graph_can_be_read(root):
    stages = dag.load(root)
    assert all(stage.desc and stage.minutes for stage in stages.values())
    assert any(stage.retries for stage in stages.values())
    assert "dvc" in sys.modules
