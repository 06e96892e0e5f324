"""What is new data: read by a stage, written by none, not in git, and changed as DVC says."""

import subprocess

import pytest

from flows import dag, new_data

GRAPH = """
stages:
  make:
    cmd: mkdir -p out/made && echo x > out/made/x
    outs: [out/made]
  read:
    cmd: cat ${raw.one}/x > out/one
    deps: ["${raw.one}", code.py]
    outs: [out/one]
  read_other:
    cmd: cat ${raw.two}/y > out/two
    deps: ["${raw.two}", code.py]
    outs: [out/two]
  train:
    cmd: cat out/one > out/model
    deps: [out/one]
    outs: [out/model]
  evaluate:
    cmd: "echo '{}' > out/m.json"
    deps: [out/model]
    metrics: [out/m.json]
  evaluate_other:
    cmd: "echo '{}' > out/other.json"
    deps: [out/two]
    metrics: [out/other.json]
  page:
    cmd: cat out/m.json > out/page
    deps: [out/m.json]
    outs: [out/page]
"""
RAW = "raw: {one: ONE, two: out/made/sub}\n"


@pytest.fixture
def clone(make, dvc):
    graph = GRAPH.replace("echo x > out/made/x", "mkdir out/made/sub && echo x > out/made/x && echo y > out/made/sub/y")
    root = make(graph, {"code.py": "", "params.yaml": RAW.replace("ONE", "out/made")})
    dvc(root, "repro")
    return root


def news(root):
    stages = dag.load(root)
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout
    return new_data.news(stages, tracked.splitlines(), dag.changes(root))


def test_what_a_stage_wrote_or_git_holds_is_not_new(clone):
    assert news(clone) == {}
    (clone / "code.py").write_text("1\n")
    (clone / "dvc.yaml").write_text((clone / "dvc.yaml").read_text().replace("echo x", "echo z"))
    assert set(dag.changes(clone)) >= {"make", "read"}
    assert news(clone) == {}


def test_raw_that_points_elsewhere_is_new_until_it_was_read(clone, dvc):
    (clone / "mine").mkdir()
    (clone / "mine/x").write_text("1\n")
    (clone / "params.yaml").write_text(RAW.replace("ONE", "mine"))
    assert news(clone) == {"mine": ["read"]}
    assert new_data.wanted(dag.load(clone), ["read"]) == ["read", "evaluate"]
    dvc(clone, "repro", "--single-item", "read")
    assert news(clone) == {}
    (clone / "mine/y").write_text("2\n")  # other files at the same place are new as well
    assert news(clone) == {"mine": ["read"]}


def test_a_place_where_nothing_lies_is_not_new(clone):
    (clone / "params.yaml").write_text(RAW.replace("ONE", "gone"))
    assert "read" in dag.changes(clone)
    assert news(clone) == {}


def test_data_outside_of_the_clone(clone, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk/x").write_text("1\n")
    (clone / "params.yaml").write_text(RAW.replace("ONE", str(tmp_path / "disk")))
    assert news(clone) == {str(tmp_path / "disk"): ["read"]}
